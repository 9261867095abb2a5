import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { schedules } from "./schedule.js";
import { simulate } from "./world.js";

const SCHEDULES = 2_000;

test("no promise is broken in thousands of random schedules of faults", async () => {
  let grants = 0;
  await fc.assert(
    fc.asyncProperty(schedules, async (schedule) => {
      grants += (await simulate(schedule)).grants;
    }),
    // To shrink a counterexample takes longer than a test may; `npm run simulate -- --shrink` does it from the seed and path.
    { numRuns: SCHEDULES, endOnFailure: true },
  );
  // A world in which nobody ever gets a lock would keep every promise.
  expect(grants).toBeGreaterThan(SCHEDULES);
}, 600_000);
