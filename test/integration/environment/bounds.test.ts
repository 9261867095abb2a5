import { expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { useSetting } from "../../helpers/setting.js";

const setting = useSetting();
const PROGRAM = fileURLToPath(new URL("workers/awaits-with-a-bound.ts", import.meta.url));

async function run(flags: string[], environment: Record<string, string>): Promise<{ code: number; output: string }> {
  // Jest's own variables would have Node's runner believe that it is a part of another run.
  const child = spawn(process.execPath, ["--import", "tsx", ...flags, PROGRAM], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...environment },
  });
  setting.later(() => child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (output += bytes.toString()));
  const code = await new Promise<number>((resolve) => child.once("close", resolve));
  return { code, output };
}

test.each([
  ["acquire with a timeout", "AcquireTimeoutError"],
  ["using with a timeout", "AcquireTimeoutError"],
  ["acquire of a lock with an acquireTimeout", "AcquireTimeoutError"],
  ["acquire of several", "AcquireTimeoutError"],
  ["acquire behind a hold of the same process", "AcquireTimeoutError"],
  ["acquire on a client that does not connect", "AcquireTimeoutError"],
  ["acquire in a black hole", "AcquireTimeoutError"],
  ["drain", "left: 1"],
  ["close in a black hole", "closed"],
])("a program that awaits %s, with nothing else to live for, sees how it ends", async (awaited, outcome) => {
  const { code, output } = await run([], { AWAITED: awaited });
  expect({ code, output: output.trim() }).toEqual({ code: 0, output: `outcome: ${outcome}` });
});

test.each([
  ["acquire with a timeout", "AcquireTimeoutError"],
  ["drain", "left: 1"],
])("so does a test of Node's own runner that awaits %s", async (awaited, outcome) => {
  const { code, output } = await run(["--test"], { AWAITED: awaited, WITHIN: "node --test" });
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(`outcome: ${outcome}`) });
  expect(output).toMatch(/pass 1\n/);
});
