import { expect, test } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { type FencingToken, ZkLockManager } from "../../../src/index.js";
import { memoryFence } from "../../../src/fencing/memory.js";
import { InMemoryZooKeeper } from "../../../src/testing/index.js";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../../helpers/setting.js";

/** Who shares a hold within one process, where `reentrancy` is not set. */
const setting = useSetting();

/** A store that checks tokens, and that awaits between its read and its write, as every store does. */
function counter(): { value: number; change: (token: FencingToken) => Promise<void> } {
  const fence = memoryFence();
  const store = {
    value: 0,
    change: async (token: FencingToken): Promise<void> => {
      const read = store.value;
      await sleep(2);
      await fence.run("counter", token, () => void (store.value = read + 1));
    },
  };
  return store;
}

test("twenty concurrent requests that read, change and write in `using` lose no update", async () => {
  const manager = await setting.manager();
  const resource = setting.resource();
  const store = counter();
  const request = (): Promise<void> => manager.createLock(resource).using(({ token }) => store.change(token));
  await Promise.all(Array.from({ length: 20 }, request));
  expect(store.value).toBe(20);
});

test("twenty workers on objects of `hold()` lose no update, also where one starts while another holds", async () => {
  const lock = (await setting.manager()).createLock(setting.resource());
  const store = counter();
  const worker = async (): Promise<void> => {
    const hold = await lock.hold();
    await store.change(hold.token);
    await hold.release();
  };
  const workers: Promise<void>[] = [];
  for (let started = 0; started < 20; started += 1) {
    workers.push(worker());
    await sleep(1);
  }
  await Promise.all(workers);
  expect(store.value).toBe(20);
});

test("readers whose bodies overlap without end let a writer of another process in", async () => {
  const resource = setting.resource();
  const [here, there] = await Promise.all([setting.manager(), setting.manager()]);
  const { read } = here.createReadWriteLock(resource);
  const written = new AbortController();
  const readers: Promise<void>[] = [];
  const reading = (async () => {
    while (!written.signal.aborted) {
      readers.push(read.using(() => sleep(60)));
      await sleep(20);
    }
  })();
  await until(() => readers.length > 3, { what: "readers that overlap" });
  await there.createReadWriteLock(resource).write.using(() => written.abort(), { timeout: 5_000 });
  await reading;
  await Promise.all(readers);
});

test("a body re-enters its own hold by any handle, and by `acquire`, `using` and `hold`, however deep", async () => {
  const resource = setting.resource();
  const manager = await setting.manager();
  const [lock, other] = [manager.createLock(resource), manager.createLock(resource)] as const;
  await lock.using(async ({ token }) => {
    expect(await other.acquire()).toBe(token);
    expect(await lock.using((inner) => inner.token)).toBe(token);
    const hold = await lock.hold();
    expect(hold.token).toBe(token);
    expect(lock.holdCount).toBe(3);
    expect([await hold.release(), await other.release()]).toEqual([true, true]);
    expect(await setting.tickets(resource)).toHaveLength(1);
  });
  expect(await setting.tickets(resource)).toEqual([]);
});

test("a bare acquire queues behind a body of its own process, and a body behind another", async () => {
  const lock = (await setting.manager()).createLock(setting.resource());
  const order: string[] = [];
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const first = lock.using(async () => {
    await ended;
    order.push("first body");
  });
  await until(() => lock.isHeld, { what: "the first body" });
  const second = lock.using(() => void order.push("second body"));
  const acquired = lock.acquire().then(() => order.push("acquire"));
  expect(await lock.tryAcquire()).toBeNull();
  end();
  await Promise.all([first, second, acquired]);
  expect(order).toEqual(["first body", "second body", "acquire"]);
  await lock.release();
});

test("what a bare acquire took belongs to the process: acquires, bodies and objects enter it", async () => {
  const manager = await setting.manager();
  const resource = setting.resource();
  const lock = manager.createLock(resource);
  const token = await lock.acquire();
  expect(await manager.createLock(resource).acquire()).toBe(token);
  expect(await lock.using((hold) => hold.token)).toBe(token);
  const hold = await lock.hold();
  expect(hold.token).toBe(token);
  expect(await setting.tickets(resource)).toHaveLength(1);
  await hold.release();
  await lock.release();
  expect(lock.isHeld).toBe(true);
});

test("bodies that entered an acquired hold do not keep it for later bodies: others get in between", async () => {
  const resource = setting.resource();
  const [here, there] = await Promise.all([setting.manager(), setting.manager()]);
  const lock = here.createLock(resource);
  const token = await lock.acquire();
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const entered = lock.using(() => ended);
  await until(() => lock.holdCount === 2, { what: "the body" });
  const theirs = there.createLock(resource).using((hold) => hold.token);
  await setting.queueOf(resource, 2);
  await lock.release();
  const later = lock.using((hold) => hold.token);
  end();
  await entered;
  expect(await theirs).toBeGreaterThan(token);
  expect(await later).toBeGreaterThan(await theirs);
});

test('reentrancy: "process", said aloud, lets bodies share', async () => {
  const lock = (await setting.manager()).createLock(setting.resource(), { reentrancy: "process" });
  const tokens = await Promise.all([1, 2, 3].map(() => lock.using(async ({ token }) => sleep(5, token))));
  expect(new Set(tokens).size).toBe(1);
});

test("a body enters nothing of another manager's, on another ensemble, under the very same name", async () => {
  const [outer, inner] = [1, 2].map(() => setting.keep(new ZkLockManager().init(new InMemoryZooKeeper().client()))) as [
    ZkLockManager,
    ZkLockManager,
  ];
  let inside = 0;
  const body = async (): Promise<void> => {
    inside += 1;
    expect(inside).toBe(1);
    await sleep(2);
    inside -= 1;
  };
  await outer.createLock("same").using(async () => {
    const lock = inner.createLock("same");
    await Promise.all([lock.using(body), lock.using(body)]);
  });
  const none = { reentrancy: "none" } as const;
  await outer.createLock("same", none).using(() => inner.createLock("same", none).using(body));
});

test("`hold()` in `run` is a body's equal: code inside re-enters, code outside queues", async () => {
  const lock = (await setting.manager()).createLock(setting.resource());
  const hold = await lock.hold();
  expect(await hold.run(() => lock.acquire())).toBe(hold.token);
  expect(await hold.run(() => lock.release())).toBe(true);
  expect(await lock.tryAcquire()).toBeNull();
  expect(await hold.release()).toBe(true);
  expect(() => hold.run(() => undefined)).toThrow(expect.objectContaining({ code: "ERR_NOT_HELD" }));
  expect(lock.isHeld).toBe(false);
});

test("an object of `hold()` gives back its own hold, once, and says what became of it", async () => {
  const resource = setting.resource();
  const semaphore = (await setting.manager()).createSemaphore(resource, { maxConcurrentHolders: 3 });
  const [first, second] = [await semaphore.hold(), await semaphore.hold()];
  expect(await first.release()).toBe(true);
  expect([first.leaseMs, second.leaseMs > 0]).toEqual([0, true]);
  expect(() => first.assertHeld()).toThrow(expect.objectContaining({ code: "ERR_NOT_HELD" }));
  second.assertHeld();
  expect(await first.release()).toBe(false);
  expect(await rejection(semaphore.release())).toMatchObject({ code: "ERR_NOT_HELD" });
  await second[Symbol.asyncDispose]();
  expect(await semaphore.release()).toBe(false);
  expect(await setting.tickets(resource)).toEqual([]);
});

test("`release()` inside a body never gives back what another body, or code outside, has taken", async () => {
  const resource = setting.resource();
  const semaphore = (await setting.manager()).createSemaphore(resource, { maxConcurrentHolders: 4 });
  const outside = await semaphore.acquire();
  await semaphore.using(async (mine) => {
    const neighbour = semaphore.using(async (theirs) => {
      await sleep(5);
      theirs.assertHeld();
      return theirs.token;
    });
    await until(() => semaphore.holdCount > 0, { what: "a neighbour" });
    const inner = await semaphore.acquire();
    expect(new Set([outside, mine.token, inner]).size).toBe(3);
    expect(await semaphore.release()).toBe(true);
    mine.assertHeld();
    // Nothing else was taken here: it is the body's own that goes.
    expect(await semaphore.release()).toBe(true);
    expect(() => mine.assertHeld()).toThrow(expect.objectContaining({ code: "ERR_NOT_HELD" }));
    await neighbour;
  });
  expect(semaphore.token).toBe(outside);
  expect(await semaphore.release()).toBe(true);
  expect(await setting.tickets(resource)).toEqual([]);
});

const SELF_DEADLOCKS: Record<string, (resource: string) => Promise<() => Promise<unknown>>> = {
  "an acquire in a body, where nobody enters": async (resource) => {
    const lock = (await setting.manager()).createLock(resource, { reentrancy: "none" });
    return () => lock.using(() => lock.acquire());
  },
  "a body in a body, where nobody enters": async (resource) => {
    const lock = (await setting.manager()).createLock(resource, { reentrancy: "none" });
    return () => lock.using(() => lock.using(() => undefined, { timeout: 60_000 }));
  },
  "a mutex in a body that writes": async (resource) => {
    const manager = await setting.manager();
    return () => manager.createReadWriteLock(resource).write.using(() => manager.createLock(resource).acquire());
  },
  "a permit in a body that has the mutex": async (resource) => {
    const manager = await setting.manager();
    const permits = manager.createSemaphore(resource, { maxConcurrentHolders: 2 });
    return () => manager.createLock(resource).using(() => permits.acquire());
  },
  "one permit more than there are": async (resource) => {
    const permits = (await setting.manager()).createSemaphore(resource, { maxConcurrentHolders: 2 });
    return () => permits.using(() => permits.using(() => permits.acquire()));
  },
};

test.each(Object.keys(SELF_DEADLOCKS))("%s is SelfDeadlockError at once, and names the hold", async (name) => {
  const resource = setting.resource();
  const wait = await SELF_DEADLOCKS[name]!(resource);
  const error = await rejection(wait());
  expect(error).toMatchObject({ name: "SelfDeadlockError", code: "ERR_SELF_DEADLOCK", resource });
  expect(error.message).toMatch(/token \d+/);
  await setting.queueOf(resource, 0);
});

test("a permit more, where one is left, is no deadlock", async () => {
  const permits = (await setting.manager()).createSemaphore(setting.resource(), { maxConcurrentHolders: 2 });
  expect(await permits.using((one) => permits.using((other) => other.token > one.token))).toBe(true);
});
