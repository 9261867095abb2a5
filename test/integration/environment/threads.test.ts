import { expect, test } from "@jest/globals";
import { once } from "node:events";
import { Worker } from "node:worker_threads";

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
