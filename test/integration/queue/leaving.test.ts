import { expect, test } from "@jest/globals";
import { getEventListeners } from "node:events";
import { hostname } from "node:os";
import { AcquireTimeoutError, AlreadyLockedError, type ZkLock, type ZkLockManager } from "../../../src/index.js";
import { until } from "../../helpers/until.js";
import { rejection, timeoutOf, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

/** A resource that somebody else holds, and a handle of a manager that does not. */
async function heldByAnother(): Promise<{ resource: string; holder: ZkLock; lock: ZkLock }> {
  const resource = setting.resource();
  const [one, other] = await Promise.all([setting.manager(), setting.manager()]);
  const holder = one.createLock(resource);
  await holder.acquire();
  return { resource, holder, lock: other.createLock(resource) };
}

async function noWatchIsLeft(resource: string): Promise<void> {
  await until(async () => (await setting.watches(resource)).size === 0, { what: "all watches to go" });
}

test("a timeout says who holds the resource and how many are ahead, and leaves no ticket and no watch", async () => {
  const { resource, holder, lock } = await heldByAnother();
  const started = performance.now();
  const error = await timeoutOf(lock, 150);
  const took = performance.now() - started;
  expect(error).toBeInstanceOf(AcquireTimeoutError);
  expect(error).toMatchObject({
    name: "AcquireTimeoutError",
    code: "ERR_ACQUIRE_TIMEOUT",
    resource,
    ahead: 1,
    holder: { host: hostname(), pid: process.pid },
  });
  expect(error.message).toContain("150 ms");
  expect(error.stack).toContain("leaving.test");
  expect(took).toBeGreaterThanOrEqual(149);
  expect(took).toBeLessThan(1_000);
  expect(await setting.tickets(resource)).toHaveLength(1);
  await holder.release();
  await noWatchIsLeft(resource);
});

test("the holder's own identity is what a timeout shows", async () => {
  const resource = setting.resource();
  const holder = (await setting.manager({ identity: { job: "nightly", run: 7 } })).createLock(resource);
  await holder.acquire();
  const error = await timeoutOf((await setting.manager()).createLock(resource), 50);
  expect(error.holder).toEqual({ host: hostname(), pid: process.pid, job: "nightly", run: 7 });
  await holder.release();
});

test("a holder of another recipe that says nothing we understand is shown as unknown", async () => {
  const resource = setting.resource();
  const node = `${setting.directory(resource)}/x-lock-0000000000`;
  await setting.raw.mkdirp(node);
  for (const data of ["", "not JSON", "[1]", "null", `"${"x".repeat(5_000)}"`]) {
    await setting.raw.set(node, data);
    const error = await timeoutOf((await setting.manager()).createLock(resource), 50);
    expect(error).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT", ahead: 1 });
    expect(error.holder).toBeUndefined();
  }
  await setting.raw.delete(node);
});

test("repeated timeouts never pile up more than one watch per predecessor", async () => {
  const { resource, holder, lock } = await heldByAnother();
  const [ticket] = await setting.tickets(resource);
  const before = (await setting.watches(resource)).get(ticket!) ?? 0;
  for (let attempt = 0; attempt < 15; attempt += 1) await timeoutOf(lock, 20);
  const watched = await setting.watches(resource);
  expect([...watched.keys()]).toEqual([ticket]);
  // The waiter's one, and the one a holder has on its own ticket.
  expect(watched.get(ticket!)).toBeLessThanOrEqual(before + 2);
  expect(await setting.tickets(resource)).toEqual([ticket]);
  await holder.release();
  await noWatchIsLeft(resource);
});

test("an abort rejects with the signal's reason, and leaves no ticket, no watch and no listener", async () => {
  const { resource, holder, lock } = await heldByAnother();
  const abort = new AbortController();
  const reason = new Error("the user pressed cancel");
  const waiting = rejection(lock.acquire({ signal: abort.signal }));
  await setting.queueOf(resource, 2);
  abort.abort(reason);
  expect(await waiting).toBe(reason);
  expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
  await setting.queueOf(resource, 1);
  await holder.release();
  await noWatchIsLeft(resource);
});

test("a signal that has aborted already takes no ticket at all", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  expect(await rejection(lock.acquire({ signal: AbortSignal.abort("no") }))).toBe("no");
  expect(await setting.raw.exists(setting.directory(resource))).toBe(false);
});

test("a granted acquire leaves no listener on its signal", async () => {
  const lock = (await setting.manager()).createLock(setting.resource());
  const { signal } = new AbortController();
  await lock.acquire({ signal });
  await lock.acquire({ signal, timeout: 1_000 });
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  await lock.release();
  await lock.release();
});

test("an abort while the ticket is under way withdraws it as soon as it is there", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied();
  const lock = manager.createLock(resource);
  await lock.acquire();
  await lock.release();
  await proxy.pause("toClient");
  const abort = new AbortController();
  const waiting = rejection(lock.acquire({ signal: abort.signal }));
  // It is there, and the one who asked for it does not know yet.
  await setting.queueOf(resource, 1);
  abort.abort("enough");
  expect(await waiting).toBe("enough");
  expect(await setting.tickets(resource)).toHaveLength(1);
  await proxy.resume();
  await setting.queueOf(resource, 0);
});

test("a timeout while the ticket is under way is in time, and withdraws it as soon as it is there", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied();
  const lock = manager.createLock(resource);
  await lock.acquire();
  await lock.release();
  await proxy.pause("toClient");
  const started = performance.now();
  const late = timeoutOf(lock, 200);
  await setting.queueOf(resource, 1);
  expect(await late).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT" });
  expect(performance.now() - started).toBeLessThan(1_000);
  expect(await setting.tickets(resource)).toHaveLength(1);
  await proxy.resume();
  await setting.queueOf(resource, 0);
  expect(await lock.tryAcquire()).not.toBeNull();
  await lock.release();
});

test("timeouts and aborts in the very moment of the grant leave nothing behind, and hold nothing unknown", async () => {
  const { resource, holder, lock } = await heldByAnother();
  for (let round = 0; round < 60; round += 1) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort("enough"), round % 10);
    const outcome = lock.acquire(round % 2 === 0 ? { timeout: (round % 10) + 1 } : { signal: abort.signal }).then(
      () => lock.release(),
      () => expect(lock.isHeld).toBe(false),
    );
    const released = new Promise((resolve) => setTimeout(resolve, round % 7)).then(() => holder.release());
    await Promise.all([outcome, released]);
    clearTimeout(timer);
    await holder.acquire();
  }
  await holder.release();
  await setting.queueOf(resource, 0);
  await noWatchIsLeft(resource);
});

test("tryAcquire gives null when somebody else has it, and leaves no ticket", async () => {
  const { resource, holder, lock } = await heldByAnother();
  expect(await lock.tryAcquire()).toBeNull();
  expect(await setting.tickets(resource)).toHaveLength(1);
  expect(await lock.release()).toBe(false);
  await holder.release();
  expect(await lock.tryAcquire()).toEqual(expect.any(Number));
  await lock.release();
});

test("failImmediate rejects with AlreadyLockedError, and enters and acquires as ever", async () => {
  const resource = setting.resource();
  const [one, other] = await Promise.all([setting.manager(), setting.manager()]);
  const holder = one.createLock(resource, { failImmediate: true });
  const token = await holder.acquire();
  expect(await holder.acquire()).toBe(token);
  const lock = other.createLock(resource, { failImmediate: true });
  const error = await rejection(lock.acquire());
  expect(error).toBeInstanceOf(AlreadyLockedError);
  expect(error).toMatchObject({ name: "AlreadyLockedError", code: "ERR_ALREADY_LOCKED", resource });
  expect(await setting.tickets(resource)).toHaveLength(1);
  expect(await lock.tryAcquire()).toBeNull();
  await holder.release();
  await holder.release();
  expect(await lock.acquire()).toBeGreaterThan(token);
  await lock.release();
});

test("a timeout of 0 takes what is free, and does not wait for what is not", async () => {
  const { resource, holder, lock } = await heldByAnother();
  expect(await timeoutOf(lock, 0)).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT", ahead: 1 });
  await holder.release();
  expect(await lock.acquire({ timeout: 0 })).toEqual(expect.any(Number));
  await lock.release();
  expect(await setting.tickets(resource)).toEqual([]);
});

test("acquireTimeout: the manager's is the default, a lock's own wins, and a call's wins over both", async () => {
  const resource = setting.resource();
  const holder = (await setting.manager()).createLock(resource);
  await holder.acquire();
  const manager = await setting.manager({ acquireTimeout: 60 });
  const [byManager, byLock] = [manager.createLock(resource), manager.createLock(resource, { acquireTimeout: 120 })];
  expect((await rejection(byManager.acquire())).message).toContain("after 60 ms");
  expect((await rejection(byLock.acquire())).message).toContain("after 120 ms");
  expect((await timeoutOf(byLock, 30)).message).toContain("after 30 ms");
  await holder.release();
});

test.each<[string, (manager: ZkLockManager, resource: string) => [given: ZkLock, tried: ZkLock]]>([
  ["a lock", (manager, resource) => [manager.createLock(resource), manager.createLock(resource)]],
  [
    "a permit",
    (manager, resource) => {
      const permits = manager.createSemaphore(resource, { maxConcurrentHolders: 1 });
      return [permits, permits];
    },
  ],
  [
    "a read lock, behind a write lock",
    (manager, resource) => {
      const { write, read } = manager.createReadWriteLock(resource);
      return [write, read];
    },
  ],
])("what is free but for our own aborted acquire is free: %s", async (_, locksOf) => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied();
  const [given, tried] = locksOf(manager, resource);
  await given.acquire();
  await given.release();
  await proxy.forgetRequests();
  await proxy.pause("toClient");
  const abort = new AbortController();
  const aborted = rejection(given.acquire({ signal: abort.signal }));
  await until(async () => (await proxy.requestCount("create")) === 1, { what: "the create to be on its way" });
  // Whether it took a ticket we do not know yet, so it cannot be withdrawn yet either.
  abort.abort();
  await aborted;
  const trying = tried.tryAcquire();
  await until(async () => (await proxy.requestCount("create")) === 2, { what: "the next create to be on its way" });
  await proxy.resume();
  expect(await trying).not.toBeNull();
  expect(await setting.tickets(resource)).toHaveLength(1);
  await tried.release();
});

test("somebody else's ticket between our aborted acquire and our next attempt is in its way", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied();
  const lock = manager.createLock(resource);
  const other = (await setting.manager()).createLock(resource);
  await lock.acquire();
  await lock.release();
  await proxy.forgetRequests();
  await proxy.pause("toClient");
  const abort = new AbortController();
  const aborted = rejection(lock.acquire({ signal: abort.signal }));
  await until(async () => (await proxy.requestCount("create")) === 1, { what: "the create to be on its way" });
  const granted = other.acquire();
  await setting.queueOf(resource, 2);
  abort.abort();
  await aborted;
  const trying = lock.tryAcquire();
  await until(async () => (await proxy.requestCount("create")) === 2, { what: "the next create to be on its way" });
  await proxy.resume();
  expect(await trying).toBeNull();
  await granted;
  await other.release();
});
