import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { commandLine } from "../../../scripts/lib/process-table.mjs";
import type { api } from "../../helpers/workers/echo-worker.js";
import { noLeaks } from "../../helpers/leaks.js";
import { startWorker, type WorkerProcess } from "../../helpers/processes.js";
import { until } from "../../helpers/until.js";

type Api = typeof api;
const FILE = new URL("../../helpers/workers/echo-worker.ts", import.meta.url);

let worker: WorkerProcess<Api>;
beforeEach(async () => {
  worker = await startWorker<Api>(FILE);
});
afterEach(async () => {
  await worker.kill();
});
afterEach(noLeaks());

test("a worker answers calls, and tells of events", async () => {
  expect(await worker.call("add", 2, 3)).toBe(5);
  await worker.call("tell", "done", "it is");
  expect(await worker.event("done")).toBe("it is");
});

test("an error keeps its name, message and code on the way", async () => {
  await expect(worker.call("fail", "ERR_X")).rejects.toMatchObject({
    name: "TypeError",
    message: "as it was told",
    code: "ERR_X",
  });
});

test("a paused worker answers when it goes on", async () => {
  await worker.pause();
  let answered = false;
  const sum = worker.call("add", 1, 1).finally(() => (answered = true));
  await expect(until(() => answered, { what: "an answer", timeoutMs: 100 })).rejects.toThrow("in vain for an answer");
  worker.resume();
  expect(await sum).toBe(2);
});

test("a call whose worker ends is rejected, with its last words", async () => {
  await expect(worker.call("exit", 7)).rejects.toThrow(/code 7.*"exit"[\s\S]*last words/);
  await expect(worker.call("add", 1, 1)).rejects.toThrow("code 7");
});

test("a paused worker can be killed", async () => {
  await worker.pause();
  await worker.kill();
  expect(commandLine(worker.pid)).toBe("");
  expect(await worker.exited).toEqual({ code: null, signal: "SIGKILL" });
});

test("a worker that cannot start says what it wrote", async () => {
  await expect(startWorker(new URL("no-such-worker.ts", FILE))).rejects.toThrow(/no-such-worker/);
});
