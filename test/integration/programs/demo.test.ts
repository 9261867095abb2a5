import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "@jest/globals";
import { generateTransfers } from "../../../examples/bank/generate-transfers.js";
import { formatTransfers, TRANSFERS_FILE } from "../../../examples/bank/transfers.js";
import { noLeaks } from "../../helpers/leaks.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const DEMO = "examples/bank/main.ts";
/** Enough for the story, and quicker than the whole file. */
const FEW = "--transfers=600";
const TEST_TIMEOUT_MS = 150_000;

afterEach(noLeaks());

test("the demo's input file is what its generator makes", () => {
  expect(readFileSync(TRANSFERS_FILE, "utf8")).toBe(formatTransfers(generateTransfers()));
});

test(
  "the demo refuses the write of the worker that was stopped, and the balances agree",
  async () => {
    const { code, output } = await demo(FEW);
    expect(output).toMatch(/STOPPED in transfer \d+\. Cleo holds "\w+" \(token \d+\)/);
    const [, seen, came] = /REFUSED "\w+" has seen token (\d+), Cleo comes with (\d+)/.exec(flat(output)) ?? [];
    expect(Number(seen)).toBeGreaterThan(Number(came));
    const tallies = [...output.matchAll(/^ {2}(Ada|Ben|Cleo|Dan) +([\d,]+) +\d+ +\d+ +(\d+)$/gm)];
    expect(tallies.map(([, worker]) => worker)).toEqual(["Ada", "Ben", "Cleo", "Dan"]);
    // Two holds for each transfer, and two more for each that had to be done over.
    expect(sum(tallies.map(([, , holds = ""]) => Number(holds.replace(",", ""))))).toBeGreaterThanOrEqual(2 * 601);
    expect(Number(tallies[2]?.[3])).toBeGreaterThanOrEqual(1);
    expect(money("before", output)).toBe("€240,000.00");
    expect(money("after", output)).toBe("€240,000.00");
    expect(code).toBe(0);
  },
  TEST_TIMEOUT_MS,
);

test(
  "without the fence the late write goes through, money is wrong, and the demo says so",
  async () => {
    const { code, output } = await demo(FEW, "--no-fence");
    expect(output).toContain("WRITTEN.");
    expect(output).not.toContain("REFUSED");
    expect(output).toMatch(/✖ "\w+" has €[\d,.]+; its entries add up to €[\d,.]+\./);
    expect(flat(output)).toContain("no client can close that gap");
    expect(code).toBe(1);
  },
  TEST_TIMEOUT_MS,
);

test("the demo explains its options, and refuses wrong ones", async () => {
  const { output } = await demo("--help");
  expect(output).toContain("--no-fence");
  expect(await demo("--transfers=7")).toEqual({ code: 1, output: "--transfers is a number from 500 to 2400.\n" });
});

test(
  "`npm run demo` runs it on a ZooKeeper in memory",
  async () => {
    const env = { ...process.env };
    Reflect.deleteProperty(env, "ZK_CONNECT");
    const child = spawn(process.execPath, ["scripts/demo.mjs", FEW], {
      cwd: ROOT,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
    expect(output).toContain("REFUSED");
    expect(output).not.toContain("a private ZooKeeper");
  },
  TEST_TIMEOUT_MS,
);

/** Runs it as `npm run demo` does, without a terminal. */
async function demo(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", DEMO, ...args], {
    cwd: ROOT,
    env: { ...process.env, ZK_CONNECT: process.env["ZK_TEST_CONNECT"] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  expect(output.split("\n").filter((line) => line.length > 80)).toEqual([]);
  // eslint-disable-next-line no-control-regex
  expect(output).not.toMatch(/\u001b/);
  return { code, output };
}

const flat = (output: string): string => output.replaceAll(/\s+/g, " ");
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
const money = (when: string, output: string): string | undefined =>
  new RegExp(`money ${when} +(\\S+)`).exec(output)?.[1];
