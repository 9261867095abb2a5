import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { getEventListeners } from "node:events";
import { onAbort, untilAborted } from "../../../src/common/abort.js";
import { ZkLockManager } from "../../../src/index.js";
import { InMemoryZooKeeper } from "../../../src/testing/index.js";
import { until } from "../../helpers/until.js";

const warnings: string[] = [];
const onWarning = ({ name }: Error): void => void warnings.push(name);
beforeEach(() => void process.on("warning", onWarning));
afterEach(() => void process.removeListener("warning", onWarning));

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

test("however many wait on a signal, it has one listener of ours, and none when nobody waits any more", () => {
  const abort = new AbortController();
  const heard: number[] = [];
  const unhook = Array.from({ length: 1_000 }, (_, number) => onAbort(abort.signal, () => heard.push(number)));
  expect(listenersOf(abort.signal)).toBe(1);
  for (const stop of unhook.slice(1)) stop();
  expect(listenersOf(abort.signal)).toBe(1);
  unhook[0]!();
  unhook[0]!();
  expect(listenersOf(abort.signal)).toBe(0);
  const again = onAbort(abort.signal, () => heard.push(-1));
  expect(listenersOf(abort.signal)).toBe(1);
  again();
  abort.abort();
  expect(heard).toEqual([]);
});

test("an abort is told to each once, in their order, with the reason, and to those at once who come later", () => {
  const abort = new AbortController();
  const heard: unknown[] = [];
  const stopSecond = onAbort(abort.signal, (reason) => heard.push("second", reason));
  const sameListener = (reason: unknown): void => void heard.push("twice", reason);
  onAbort(abort.signal, sameListener);
  onAbort(abort.signal, sameListener);
  stopSecond();
  abort.abort("why");
  expect(heard).toEqual(["twice", "why", "twice", "why"]);
  onAbort(abort.signal, (reason) => heard.push("late", reason));
  expect(heard.slice(4)).toEqual(["late", "why"]);
  expect(listenersOf(abort.signal)).toBe(0);
});

test("one who is unhooked by an earlier one is not called", () => {
  const abort = new AbortController();
  const heard: string[] = [];
  let stop = (): void => undefined;
  onAbort(abort.signal, () => stop());
  stop = onAbort(abort.signal, () => heard.push("called"));
  abort.abort();
  expect(heard).toEqual([]);
});

test("a promise that comes first leaves no listener behind", async () => {
  const abort = new AbortController();
  expect(await untilAborted(Promise.resolve(1), abort.signal)).toBe(1);
  expect(listenersOf(abort.signal)).toBe(0);
});

test.each([12, 1_000])("%s acquires wait on one signal of a shutdown, and Node warns of no leak", async (count) => {
  const ensemble = new InMemoryZooKeeper();
  const [one, other] = [1, 2].map(() => new ZkLockManager().init(ensemble.client())) as [ZkLockManager, ZkLockManager];
  await one.createLock("shift").acquire();
  const shutdown = new AbortController();
  // Some behind a stranger only, some behind others of their own process.
  const locks = Array.from({ length: count }, (_, number) =>
    other.createLock("shift", { reentrancy: number % 3 === 0 ? "none" : "process" }),
  );
  const waiting = locks.map((lock) => lock.acquire({ signal: shutdown.signal }).catch((error: unknown) => error));
  const queued = () => ensemble.tickets("/locks/shift").length;
  await until(() => queued() > 1, { what: "the waiters to queue up" });
  expect(listenersOf(shutdown.signal)).toBe(1);
  shutdown.abort("good night");
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(["good night"]));
  expect(listenersOf(shutdown.signal)).toBe(0);
  // Warnings are told in a later turn.
  await new Promise(setImmediate);
  expect(warnings).toEqual([]);
  await Promise.all([one.close(), other.close()]);
});
