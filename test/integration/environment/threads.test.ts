import { expect, test } from "@jest/globals";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { SERVER, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

test("in a worker thread the native client is refused at once, and the in-memory one serves", async () => {
  const thread = new Worker(new URL("workers/thread.mjs", import.meta.url));
  const [told] = (await once(thread, "message")) as [Record<string, unknown>];
  expect(told).toEqual({
    connect: {
      error: { name: "ConnectError", code: "ERR_CONNECT", message: expect.stringContaining("worker thread") },
      tookMs: expect.any(Number),
    },
    init: {
      name: "InvalidArgumentError",
      code: "ERR_INVALID_ARGUMENT",
      message: expect.stringContaining("worker thread"),
    },
    token: expect.any(Number),
  });
  expect((told["connect"] as { tookMs: number }).tookMs).toBeLessThan(2_000);
  await thread.terminate();
});

test("in a worker thread our own client serves: acquire, release, and a close that ends the session", async () => {
  const rootDir = `${setting.root}/thread`;
  const thread = new Worker(new URL("workers/wire-thread.mjs", import.meta.url), { workerData: { SERVER, rootDir } });
  const [told] = (await once(thread, "message")) as [Record<string, unknown>];
  expect(told).toEqual({ token: expect.any(Number), holders: 1, released: true, state: "lost" });
  await once(thread, "exit");
  expect(await setting.raw.children(`${rootDir}/r`)).toEqual([]);
});
