import { expect, test } from "@jest/globals";
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { diagnosticsChannels } from "../../../src/diagnostics.js";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

interface Published {
  readonly channel: string;
  readonly message: Record<string, unknown>;
}

/** What is published on these channels, all of them unless told, until the test is over. */
function listen(...names: (keyof typeof diagnosticsChannels)[]): Published[] {
  const published: Published[] = [];
  const wanted = names.length > 0 ? names : (Object.keys(diagnosticsChannels) as typeof names);
  for (const name of wanted) {
    const hear = (message: unknown): void => {
      published.push({ channel: name, message: message as Record<string, unknown> });
    };
    subscribe(diagnosticsChannels[name], hear);
    setting.later(() => unsubscribe(diagnosticsChannels[name], hear));
  }
  return published;
}

test("the channels have the names that the docs give them", () => {
  expect(Object.values(diagnosticsChannels)).toEqual(
    ["acquire", "wait", "hold", "loss", "hand-over"].map((name) => `zk-lock-manager:${name}`),
  );
});

test("a hold from acquire to release: how long it took, and how long it lasted", async () => {
  const lock = (await setting.manager()).createLock(setting.resource());
  const published = listen();
  const startedAt = performance.now();
  const token = await lock.acquire();
  const acquiredAt = performance.now();
  await lock.renew();
  await lock.release();
  const elapsedMs = performance.now() - startedAt;
  const subject = { resource: lock.resource, kind: "mutex", token };
  expect(published).toEqual([
    { channel: "acquire", message: { ...subject, outcome: "granted", durationMs: expect.any(Number) } },
    { channel: "hold", message: { ...subject, heldMs: expect.any(Number) } },
  ]);
  const [acquire, hold] = published as [Published, Published];
  expect(acquire.message["durationMs"]).toBeGreaterThan(0);
  expect(acquire.message["durationMs"]).toBeLessThanOrEqual(acquiredAt - startedAt);
  expect(hold.message["heldMs"]).toBeGreaterThan(0);
  expect(hold.message["heldMs"]).toBeLessThanOrEqual(elapsedMs);
});

test("each re-entry is an acquire, and the hold is one", async () => {
  const lock = (await setting.manager()).createLock(setting.resource());
  const published = listen("acquire", "hold");
  await lock.acquire();
  await lock.acquire();
  await lock.release();
  await lock.release();
  expect(published.map(({ channel }) => channel)).toEqual(["acquire", "acquire", "hold"]);
});

test("a wait: how many are ahead, and the hand-over from another process at its end", async () => {
  const resource = setting.resource();
  const [first, second] = await Promise.all([0, 1].map(async () => (await setting.manager()).createLock(resource)));
  await first!.acquire();
  const published = listen("wait");
  const handOvers = listen("handOver");
  const acquiring = second!.acquire();
  await setting.queueOf(resource, 2);
  await until(() => published.length === 1, { what: "the wait" });
  expect(published[0]!.message).toEqual({ resource, kind: "mutex", ahead: 1, waitingMs: expect.any(Number) });
  await first!.release();
  const token = await acquiring;
  expect(handOvers.map(({ message }) => message)).toEqual([
    { resource, kind: "mutex", token, local: false, durationMs: expect.any(Number) },
  ]);
  await second!.release();
});

test("a hand-over between tasks of one process", async () => {
  const lock = (await setting.manager()).createLock(setting.resource(), { reentrancy: "none" });
  const published = listen("handOver");
  const tokens = await Promise.all([0, 1].map(() => lock.using(({ token }) => token)));
  expect(published.map(({ message }) => message)).toEqual([
    { resource: lock.resource, kind: "mutex", token: tokens[1], local: true, durationMs: expect.any(Number) },
  ]);
});

test("each way in which an acquire can fail", async () => {
  const resource = setting.resource();
  const holder = (await setting.manager()).createLock(resource);
  await holder.acquire();
  const manager = await setting.manager();
  const lock = manager.createLock(resource);
  const published = listen("acquire");
  await lock.tryAcquire();
  await rejection(lock.acquire({ timeout: 20 }));
  const abort = new AbortController();
  const reason = new Error("enough");
  const aborted = rejection(lock.acquire({ signal: abort.signal }));
  abort.abort(reason);
  await aborted;
  const failed = rejection(lock.acquire());
  await setting.queueOf(resource, 2);
  await manager.close();
  await failed;
  expect(published.map(({ message }) => [message["outcome"], message["error"]])).toEqual([
    ["too-late", undefined],
    ["too-late", undefined],
    ["aborted", reason],
    ["failed", expect.objectContaining({ code: "ERR_MANAGER_CLOSED" })],
  ]);
  await holder.release();
});

test("a loss: of what, why, and after how long", async () => {
  const lock = (await setting.manager()).createLock(setting.resource());
  lock.on("lost", () => undefined);
  const published = listen("hold", "loss");
  const token = await lock.acquire();
  await (await setting.manager()).forceRelease(lock.resource, token);
  await until(() => published.length > 0, { what: "the loss" });
  expect(published).toEqual([
    {
      channel: "loss",
      message: {
        resource: lock.resource,
        kind: "mutex",
        token,
        reason: "ticket-gone",
        heldMs: expect.any(Number),
      },
    },
  ]);
  await rejection(lock.release());
});

test("an acquire is published in the async context of its caller", async () => {
  const context = new AsyncLocalStorage<string>();
  const lock = (await setting.manager()).createLock(setting.resource(), { reentrancy: "none" });
  const seen: unknown[] = [];
  const hear = (): void => {
    seen.push(context.getStore());
  };
  subscribe(diagnosticsChannels.acquire, hear);
  setting.later(() => unsubscribe(diagnosticsChannels.acquire, hear));
  await Promise.all(["one", "two"].map((name) => context.run(name, () => lock.using(() => undefined))));
  expect(seen).toEqual(["one", "two"]);
});
