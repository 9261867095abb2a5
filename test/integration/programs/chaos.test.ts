import { afterEach, expect, test } from "@jest/globals";
import { runChaos } from "../../chaos/chaos.js";
import { describe } from "../../chaos/report.js";
import { noLeaks } from "../../helpers/leaks.js";

const SECONDS = 55;
const TEST_TIMEOUT_MS = 240_000;
/** Longer runs, with other schedules: `npm run chaos`. */
const SEED = 2026;

afterEach(noLeaks());

test(
  "a minute of random faults makes no two holders, loses no write, no wake-up and no worker, and leaves no ticket",
  async () => {
    const { acts } = await runChaos({ seed: SEED, seconds: SECONDS });
    const violations = acts.flatMap((act) => act.violations);
    expect(violations.flatMap(describe).join("\n")).toBe("");
    const total = (name: string): number => acts.reduce((sum, { counts }) => sum + (counts[name] ?? 0), 0);
    // Something did happen.
    expect(total("faults")).toBeGreaterThan(8);
    expect(total("grants")).toBeGreaterThan(200);
    expect(total("writes accepted")).toBeGreaterThan(50);
  },
  TEST_TIMEOUT_MS,
);
