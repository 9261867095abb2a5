import { expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SERVER, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

test("without setImmediate, with timers that are numbers, and with another AbortSignal, locks work as ever", async () => {
  const program = fileURLToPath(new URL("workers/browser-like.mjs", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, SERVER, setting.root], { timeout: 20_000 });
  expect(JSON.parse(stdout)).toEqual({ late: "ERR_ACQUIRE_TIMEOUT", aborted: "enough" });
});
