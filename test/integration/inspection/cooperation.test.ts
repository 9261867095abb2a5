import { expect, test } from "@jest/globals";
import type { LockLostError, ZkLock } from "../../../src/index.js";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

function requests(lock: ZkLock): { count: number } {
  const heard = { count: 0 };
  lock.on("release-requested", () => (heard.count += 1));
  return heard;
}

test("a holder hears that its resource is asked for, and nobody else does", async () => {
  const resource = setting.resource();
  const [holder, waiter, asker] = await Promise.all(
    [0, 1, 2].map(async () => (await setting.manager()).createLock(resource)),
  );
  await holder!.acquire();
  const acquiring = waiter!.acquire();
  await setting.queueOf(resource, 2);
  const [heard, overheard] = [requests(holder!), requests(waiter!)];
  expect(await asker!.requestRelease()).toBe(1);
  await until(() => heard.count === 1, { what: "the holder to hear" });
  expect(holder!.isHeld).toBe(true);
  await holder!.release();
  await acquiring;
  expect(overheard.count).toBe(0);
  // It is the new holder's turn to be asked.
  expect(await asker!.requestRelease()).toBe(1);
  await until(() => overheard.count === 1, { what: "the new holder to hear" });
  await waiter!.release();
});

test("a request that comes before the new holder of a permit has said that it holds is heard", async () => {
  const resource = setting.resource();
  const [holder, waiter] = await Promise.all(
    [0, 1].map(async () => (await setting.manager()).createSemaphore(resource, { maxConcurrentHolders: 1 })),
  );
  await holder!.acquire();
  const acquiring = waiter!.acquire();
  const [, waiting] = await setting.queueOf(resource, 2);
  await setting.raw.set(`${setting.directory(resource)}/${waiting}`, JSON.stringify({ releaseRequestedAt: 1 }));
  const heard = requests(waiter!);
  await holder!.release();
  await acquiring;
  await until(() => heard.count === 1, { what: "the new holder to hear" });
  await waiter!.release();
});

test("with nobody holding, nobody is asked", async () => {
  const lock = (await setting.manager()).createLock(setting.resource());
  expect(await lock.requestRelease()).toBe(0);
});

test("all holders of a shared lock are asked", async () => {
  const resource = setting.resource();
  const readers = await Promise.all(
    [0, 1, 2].map(async () => (await setting.manager()).createReadWriteLock(resource).read),
  );
  const heard = readers.map(requests);
  for (const reader of readers) await reader.acquire();
  const asker = (await setting.manager()).createReadWriteLock(resource).write;
  expect(await asker.requestRelease()).toBe(3);
  await until(() => heard.every(({ count }) => count === 1), { what: "all readers to hear" });
  for (const reader of readers) await reader.release();
});

test("the request does not hide who holds", async () => {
  const resource = setting.resource();
  const manager = await setting.manager({ identity: { who: "me" } });
  const lock = manager.createLock(resource);
  await lock.acquire();
  await (await setting.manager()).createLock(resource).requestRelease();
  expect((await manager.inspect(resource)).holders[0]?.identity).toMatchObject({ who: "me", pid: process.pid });
  await lock.release();
});

test("forceRelease ends that very hold, tells its holder, and lets the next one in", async () => {
  const resource = setting.resource();
  const [holder, next] = await Promise.all([0, 1].map(async () => (await setting.manager()).createLock(resource)));
  const losses: LockLostError[] = [];
  holder!.on("lost", (error) => losses.push(error));
  const token = await holder!.acquire();
  const acquiring = next!.acquire();
  await setting.queueOf(resource, 2);
  const waiterLosses: LockLostError[] = [];
  next!.on("lost", (error) => waiterLosses.push(error));
  const administrator = await setting.manager();
  const logged: unknown[] = [];
  administrator.on("force-released", (hold) => logged.push(hold));
  // Neither a number that nobody has, nor a waiter's.
  for (const wrong of [token - 1, token + 1, token + 1_000]) {
    expect(await administrator.forceRelease(resource, wrong)).toBe(false);
  }
  expect(holder!.isHeld).toBe(true);
  expect(logged).toEqual([]);
  expect(await administrator.forceRelease(resource, token)).toBe(true);
  expect(await acquiring).toBe(token + 1);
  await until(() => losses.length === 1, { what: "the holder to be told" });
  expect(losses[0]).toMatchObject({ reason: "ticket-gone", resource });
  expect(holder!.isHeld).toBe(false);
  expect(logged).toEqual([{ resource, token }]);
  // The same order again touches nobody: that hold is over.
  expect(await administrator.forceRelease(resource, token)).toBe(false);
  expect(next!.isHeld).toBe(true);
  expect(waiterLosses).toEqual([]);
  await rejection(holder!.release());
  await next!.release();
});

test("forceRelease takes one permit of several, and one reader of several", async () => {
  const manager = await setting.manager();
  const permits = manager.createSemaphore(setting.resource(), { maxConcurrentHolders: 3 });
  permits.on("lost", () => undefined);
  const numbers = [await permits.acquire(), await permits.acquire(), await permits.acquire()];
  const administrator = await setting.manager();
  expect(await administrator.forceRelease(permits.resource, numbers[1]!)).toBe(true);
  await until(() => manager.holds().length === 2, { what: "the permit to be lost" });
  expect(manager.holds().map(({ token }) => token)).toEqual([numbers[0], numbers[2]]);
  const outcomes = [0, 1, 2].map(() => permits.release().catch((error: unknown) => (error as LockLostError).reason));
  expect((await Promise.all(outcomes)).sort()).toEqual(["ticket-gone", true, true].sort());
});

test.each([-1, 1.5, Number.NaN, "7"])("forceRelease refuses %p as a token", async (token) => {
  const manager = await setting.manager();
  expect(await rejection(manager.forceRelease("a", token as number))).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
});

test("holds() tells of all holds of the process: kind, token, how often entered", async () => {
  const manager = await setting.manager();
  const [mutex, documents] = [manager.createLock(setting.resource()), manager.createReadWriteLock(setting.resource())];
  const permits = manager.createSemaphore(setting.resource(), { maxConcurrentHolders: 2 });
  const token = await mutex.acquire();
  await mutex.acquire();
  await documents.read.acquire();
  await permits.acquire();
  await permits.acquire();
  const holds = manager.holds();
  expect(holds.map(({ kind, count }) => `${kind} ${count}`).sort()).toEqual([
    "mutex 2",
    "read 1",
    "semaphore 1",
    "semaphore 1",
  ]);
  expect(holds.find(({ kind }) => kind === "mutex")).toMatchObject({ resource: mutex.resource, token });
  for (const lock of [mutex, mutex, documents.read, permits, permits]) await lock.release();
  expect(manager.holds()).toEqual([]);
});

test("drain turns waiters away, waits for the holds, and lets their owners finish", async () => {
  const [manager, other] = [await setting.manager(), await setting.manager()];
  const [mine, theirs] = [manager.createLock(setting.resource()), other.createLock(setting.resource())];
  await mine.acquire();
  await theirs.acquire();
  const waiting = rejection(manager.createLock(theirs.resource).acquire());
  await setting.queueOf(theirs.resource, 2);
  let drained = false;
  const draining = manager.drain(5_000).then((left) => {
    drained = true;
    return left;
  });
  expect(await waiting).toMatchObject({ code: "ERR_MANAGER_CLOSED", reason: "draining" });
  expect(await mine.acquire()).toBe(mine.token);
  await mine.release();
  expect(drained).toBe(false);
  await mine.release();
  expect(await draining).toEqual([]);
  expect(await rejection(mine.acquire())).toMatchObject({ code: "ERR_MANAGER_CLOSED", reason: "draining" });
  await setting.queueOf(theirs.resource, 1);
  await theirs.release();
});

test("drain turns a new acquire away where every acquire queues, holder or not", async () => {
  const manager = await setting.manager();
  const permits = manager.createSemaphore(setting.resource(), { maxConcurrentHolders: 2 });
  await permits.acquire();
  const draining = manager.drain(5_000);
  expect(await rejection(permits.acquire())).toMatchObject({ code: "ERR_MANAGER_CLOSED", reason: "draining" });
  await permits.release();
  expect(await draining).toEqual([]);
});

test("drain reports what it had to leave when its time is over", async () => {
  const manager = await setting.manager();
  const lock = manager.createLock(setting.resource());
  const token = await lock.acquire();
  const startedAt = performance.now();
  expect(await manager.drain(80)).toMatchObject([{ resource: lock.resource, kind: "mutex", token, count: 1 }]);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(79);
  expect(lock.isHeld).toBe(true);
  expect(await rejection(manager.drain(-1))).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
  await lock.release();
});

test("drain has nothing to wait for where nobody holds", async () => {
  const manager = await setting.manager();
  await manager.createLock(setting.resource()).using(() => undefined);
  expect(await manager.drain(60_000)).toEqual([]);
});
