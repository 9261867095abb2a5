import { expect, test } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import type { AcquireTimeoutError, LockLostError, ZkMultiLock } from "../../../src/index.js";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

/** Names of their own, in the order in which they are taken. */
function names(count: number): string[] {
  const base = setting.resource();
  return Array.from({ length: count }, (_, index) => `${base}-${String.fromCharCode(97 + index)}`);
}

async function freeOf(resources: readonly string[]): Promise<void> {
  for (const resource of resources) await setting.queueOf(resource, 0);
}

test("takes each resource once, in one order, whatever the order and number in which they are named", async () => {
  const [a, b, c] = names(3) as [string, string, string];
  const manager = await setting.manager();
  const lock = manager.createMultiLock([c, a, b, a, c]);
  expect(lock.resources).toEqual([a, b, c]);
  expect(manager.createMultiLock([b, c, a]).resources).toEqual([a, b, c]);
  const tokens = await lock.acquire();
  expect([...tokens.keys()]).toEqual([a, b, c]);
  for (const resource of [a, b, c]) expect(await setting.tickets(resource)).toHaveLength(1);
  await lock.release();
});

test("has a fencing token for each resource, as a lock of that resource alone would", async () => {
  const [a, b] = names(2) as [string, string];
  const manager = await setting.manager();
  const lock = manager.createMultiLock([a, b]);
  const tokens = await lock.acquire();
  expect(lock.tokens).toEqual(tokens);
  expect(manager.createLock(a).token).toBe(tokens.get(a));
  expect(manager.createLock(b).token).toBe(tokens.get(b));
  await lock.release();
  expect(lock.tokens).toBeNull();
  const later = await manager.createLock(b).acquire();
  expect(later).toBeGreaterThan(tokens.get(b)!);
});

test("takes in order, and gives back in reverse order", async () => {
  const resources = names(3);
  const lock = (await setting.manager()).createMultiLock(resources.toReversed());
  /** When a ticket came or went last, by the server's own count. */
  const lastChanges = (): Promise<number[]> =>
    Promise.all(resources.map(async (resource) => (await setting.raw.stat(setting.directory(resource)))!.pzxid));
  await lock.acquire();
  const taken = await lastChanges();
  expect(taken).toEqual([...taken].sort((one, other) => one - other));
  await lock.release();
  const givenBack = await lastChanges();
  expect(givenBack).toEqual([...givenBack].sort((one, other) => other - one));
});

test("with one of them taken, it gets none, and others can have them", async () => {
  const [a, b, c] = names(3) as [string, string, string];
  const other = await setting.manager();
  const inTheWay = other.createLock(b);
  await inTheWay.acquire();
  const lock = (await setting.manager()).createMultiLock([a, b, c]);
  expect(await lock.tryAcquire()).toBeNull();
  const error = await rejection<AcquireTimeoutError>(lock.acquire({ timeout: 50 }));
  expect(error).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT", resource: b });
  const abort = new AbortController();
  const aborted = rejection(lock.acquire({ signal: abort.signal }));
  await setting.queueOf(b, 2);
  expect(await setting.tickets(c)).toEqual([]);
  abort.abort();
  await aborted;
  expect(lock.isHeld).toBe(false);
  await freeOf([a, c]);
  const free = other.createMultiLock([a, c]);
  expect(await free.tryAcquire()).not.toBeNull();
  await free.release();
  await inTheWay.release();
});

test("one deadline is for all of them together", async () => {
  const resources = names(3);
  const inTheWay = await Promise.all(resources.map(async (resource) => (await setting.manager()).createLock(resource)));
  for (const lock of inTheWay) await lock.acquire();
  const lock = (await setting.manager()).createMultiLock(resources);
  const startedAt = performance.now();
  const acquiring = rejection(lock.acquire({ timeout: 2_000 }));
  // Half of the time is gone when the first is to be had; with a deadline for each, the others would wait twice as long.
  await sleep(1_000);
  await inTheWay[0]!.release();
  await inTheWay[1]!.release();
  expect(await acquiring).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT", resource: resources[2] });
  expect(performance.now() - startedAt).toBeLessThan(2_900);
  await freeOf(resources.slice(0, 2));
  await inTheWay[2]!.release();
});

test("two in opposite orders never wait for each other", async () => {
  const [a, b, c] = names(3) as [string, string, string];
  const locks = await Promise.all(
    [
      [a, b],
      [b, a],
      [c, b],
      [b, c, a],
    ].map(async (list) => (await setting.manager()).createMultiLock(list)),
  );
  const inside = new Map<string, ZkMultiLock>();
  const work = async (lock: ZkMultiLock): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) {
      await lock.using(
        async (hold) => {
          for (const resource of lock.resources) {
            expect(inside.has(resource)).toBe(false);
            inside.set(resource, lock);
          }
          await sleep(1);
          hold.assertHeld();
          for (const resource of lock.resources) inside.delete(resource);
        },
        { timeout: 10_000 },
      );
    }
  };
  await Promise.all(locks.map(work));
});

test("is lost when one of them is lost: told once, and what is left is given back", async () => {
  const [a, b, c] = names(3) as [string, string, string];
  const lock = (await setting.manager()).createMultiLock([a, b, c]);
  const losses: LockLostError[] = [];
  lock.on("lost", (error) => losses.push(error));
  const tokens = await lock.acquire();
  await lock.acquire();
  const administrator = await setting.manager();
  expect(await administrator.forceRelease(b, tokens.get(b)!)).toBe(true);
  await until(() => losses[0], { what: "the loss" });
  expect(losses[0]).toMatchObject({ reason: "ticket-gone", resource: b });
  expect(lock.isHeld).toBe(false);
  expect(lock.tokens).toBeNull();
  expect(await rejection(lock.release())).toMatchObject({ code: "ERR_LOCK_LOST", resource: b });
  expect(await lock.release()).toBe(false);
  await freeOf([a, b, c]);
  expect(losses).toHaveLength(1);
});

test("a body hears of the loss of one by its signal, and using rejects", async () => {
  const [a, b] = names(2) as [string, string];
  const lock = (await setting.manager()).createMultiLock([a, b]);
  const administrator = await setting.manager();
  const using = lock.using(async (hold) => {
    expect([lock.isHeld, lock.tokens]).toEqual([true, hold.tokens]);
    await administrator.forceRelease(a, hold.tokens.get(a)!);
    await until(() => hold.signal.aborted, { what: "the signal to abort" });
    expect(() => hold.assertHeld()).toThrow(expect.objectContaining({ code: "ERR_LOCK_LOST" }));
  });
  expect(await rejection(using)).toMatchObject({ code: "ERR_LOCK_LOST", resource: a });
  await freeOf([a, b]);
});

test("does not resolve with a hold that was lost, and taken again by the process, while it waited for the next", async () => {
  const [a, b] = names(2) as [string, string];
  const [manager, administrator] = await Promise.all([setting.manager(), setting.manager()]);
  const blocker = administrator.createLock(b);
  await blocker.acquire();
  const lock = manager.createMultiLock([a, b]);
  const single = manager.createLock(a);
  const acquiring = rejection<LockLostError>(lock.acquire());
  const first = await until(() => single.token, { what: "the first of them" });
  await administrator.forceRelease(a, first);
  await until(() => single.token === null, { what: "the loss" });
  const again = await single.acquire();
  await blocker.release();
  expect(await acquiring).toMatchObject({ code: "ERR_LOCK_LOST", resource: a });
  expect([lock.isHeld, lock.tokens, lock.signal.aborted]).toEqual([false, null, true]);
  expect(await lock.release()).toBe(false);
  expect(single.token).toBe(again);
  await single.release();
  await freeOf([a, b]);
});

test("speaks of the holds that it took: one that was lost, and taken again by another handle, is lost", async () => {
  const [a, b] = names(2) as [string, string];
  const manager = await setting.manager();
  const lock = manager.createMultiLock([a, b]);
  const tokens = await lock.acquire();
  const { signal } = lock;
  await (await setting.manager()).forceRelease(a, tokens.get(a)!);
  await until(() => signal.aborted, { what: "the loss" });
  const single = manager.createLock(a);
  await single.acquire();
  expect([lock.isHeld, lock.tokens, lock.signal.aborted]).toEqual([false, null, true]);
  expect(await rejection(lock.release())).toMatchObject({ code: "ERR_LOCK_LOST", resource: a });
  expect(single.isHeld).toBe(true);
  await single.release();
  await freeOf([a, b]);
});

test("hold() gives them as one object, and `run` lets code inside re-enter", async () => {
  const [a, b] = names(2) as [string, string];
  const manager = await setting.manager();
  const lock = manager.createMultiLock([a, b]);
  const hold = await lock.hold();
  expect([...hold.tokens.keys()]).toEqual([a, b].sort());
  expect(await manager.createLock(a).tryAcquire()).toBeNull();
  expect(await hold.run(() => lock.using((inner) => inner.tokens.get(a)))).toBe(hold.tokens.get(a));
  expect([hold.isHeld, hold.leaseMs > 0, hold.signal.aborted]).toEqual([true, true, false]);
  await hold[Symbol.asyncDispose]();
  expect(await hold.release()).toBe(false);
  expect(() => hold.assertHeld()).toThrow(expect.objectContaining({ code: "ERR_NOT_HELD" }));
  await freeOf([a, b]);
});

test("bodies of two multi-locks that share a resource exclude each other, in one process too", async () => {
  const [a, b, c] = names(3) as [string, string, string];
  const manager = await setting.manager();
  let inside = 0;
  const body = async (): Promise<void> => {
    inside += 1;
    expect(inside).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 3));
    inside -= 1;
  };
  const locks = [manager.createMultiLock([a, b]), manager.createMultiLock([b, c])];
  await Promise.all(locks.flatMap((lock) => [lock.using(body), lock.using(body)]));
  await freeOf([a, b, c]);
});

test("acquiring anew after a loss gives back what the loss had left", async () => {
  const [a, b] = names(2) as [string, string];
  const lock = (await setting.manager()).createMultiLock([a, b]);
  const lost = new Promise((resolve) => lock.once("lost", resolve));
  const tokens = await lock.acquire();
  await (await setting.manager()).forceRelease(b, tokens.get(b)!);
  await lost;
  const anew = await lock.acquire();
  expect(anew.get(a)).toBeGreaterThan(tokens.get(a)!);
  expect(await lock.release()).toBe(true);
  await freeOf([a, b]);
});

test("re-enters as a whole", async () => {
  const resources = names(2);
  const lock = (await setting.manager()).createMultiLock(resources);
  const tokens = await lock.acquire();
  expect(await lock.acquire()).toEqual(tokens);
  await lock.release();
  expect(lock.isHeld).toBe(true);
  expect(await lock.renew()).toEqual(tokens);
  await lock.release();
  expect(lock.isHeld).toBe(false);
  await freeOf(resources);
});

test.each([
  ["no list", "abc"],
  ["an empty list", []],
  ["a list of more than a thousand", Array.from({ length: 1_001 }, (_, index) => `r${index}`)],
  ["a list with an empty name", ["a", ""]],
  ["a list with something else than names", ["a", 7]],
])("refuses %s at once", async (_, list) => {
  const manager = await setting.manager();
  expect(() => manager.createMultiLock(list as string[])).toThrow(
    expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }),
  );
  expect((await manager.list()).some((resource) => list.includes(resource as never))).toBe(false);
});

test("a hundred resources are one lock", async () => {
  const resources = names(100).map((_, index) => `hundred-${index}`);
  const manager = await setting.manager();
  const lock = manager.createMultiLock(resources);
  await lock.acquire();
  expect(manager.holds()).toHaveLength(100);
  await lock.release();
  expect(manager.holds()).toHaveLength(0);
});
