import { expect, test } from "@jest/globals";
import { type LimitMismatchError, type ZkLock, ZkLockManager } from "../../../src/index.js";
import { InMemoryZooKeeper, VirtualClock } from "../../../src/testing/index.js";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../../helpers/setting.js";
import { member, useNotes } from "../../helpers/member.js";

const setting = useSetting();
const notes = useNotes();

function permits(manager: ZkLockManager, resource: string, maxConcurrentHolders = 2): ZkLock {
  return manager.createSemaphore(resource, { maxConcurrentHolders });
}

test("never more hold than there are permits, over managers, tasks and processes", async () => {
  const resource = setting.resource();
  const workers = await Promise.all([member(setting), member(setting)]);
  await Promise.all(workers.map((worker) => worker.call("permits", resource, 3, 20, notes.file("permits"))));
  const steps = notes.lines("permits");
  expect(steps).toHaveLength(2 * 2 * 3 * 20);
  let holders = 0;
  let most = 0;
  for (const step of steps) {
    holders += step === "+" ? 1 : -1;
    most = Math.max(most, holders);
    expect(holders).toBeLessThanOrEqual(3);
  }
  // All permits are used: with six tasks that want them, there is a moment when three have one.
  expect(most).toBe(3);
});

test.each([
  ["first", 0],
  ["second", 1],
])("the release of the %s of two holders serves the first in line", async (_, leaving) => {
  const resource = setting.resource();
  const managers = await Promise.all([0, 1, 2, 3].map(() => setting.manager()));
  const locks = managers.map((manager) => permits(manager, resource));
  await locks[0]!.acquire();
  await locks[1]!.acquire();
  const third = locks[2]!.acquire();
  await setting.queueOf(resource, 3);
  let fourthServed = false;
  const fourth = locks[3]!.acquire().then(() => (fourthServed = true));
  await setting.queueOf(resource, 4);
  await locks[leaving]!.release();
  await third;
  expect(fourthServed).toBe(false);
  await locks[1 - leaving]!.release();
  await fourth;
  await locks[2]!.release();
  await locks[3]!.release();
});

test("who is granted at the first look says so to those who queued up before that look", async () => {
  const clock = new VirtualClock();
  const zooKeeper = new InMemoryZooKeeper({ clock });
  const clients = [0, 1, 2, 3].map(() => zooKeeper.client({ timeout: 60_000 }));
  const locks = clients.map((client) => permits(new ZkLockManager().init(client), "announced"));
  const order: number[] = [];
  const acquire = (place: number): void => void locks[place]!.acquire().then(() => order.push(place));
  acquire(0);
  await clock.advance(100);
  acquire(1);
  await clock.advance(100);
  // The third learns of its ticket only after the fourth has queued up behind it and the first has left.
  zooKeeper.dropReply(clients[2]!, "create");
  acquire(2);
  while (zooKeeper.tickets().length < 3) await clock.advance(0.1);
  zooKeeper.disconnect(clients[2]!, { forMs: 1_000 });
  acquire(3);
  await clock.advance(100);
  void locks[0]!.release();
  // The client comes back by itself after a third of its session timeout at the latest.
  await clock.advance(30_000);
  expect(order).toEqual([0, 1, 2]);
  void locks[1]!.release();
  await clock.advance(1_000);
  expect(order).toEqual([0, 1, 2, 3]);
});

test("only the first in line watches the queue; each one behind watches its predecessor", async () => {
  // A real server does not say who watches children; the in-memory one does.
  const zooKeeper = new InMemoryZooKeeper();
  const managers = [0, 1, 2, 3, 4].map(() => new ZkLockManager().init(zooKeeper.client({ timeout: 60_000 })));
  const locks = managers.map((manager) => permits(manager, "watched"));
  await locks[0]!.acquire();
  await locks[1]!.acquire();
  const tickets = (): string[] => zooKeeper.tickets("/locks/watched").map(({ path }) => path);
  const waiting: Promise<number>[] = [];
  for (const place of [2, 3, 4]) {
    waiting.push(locks[place]!.acquire());
    await until(() => tickets().length === place + 1, { what: "the ticket" });
  }
  const [first, second, third, fourth] = tickets();
  const expected = [
    { data: [first], children: [] },
    { data: [second], children: [] },
    { data: [], children: ["/locks/watched"] },
    { data: [third], children: [] },
    { data: [fourth], children: [] },
  ];
  await until(
    () => {
      const sessions = new Map(zooKeeper.sessions().map(({ id, watches }) => [id, watches]));
      expect(managers.map(({ session }) => sessions.get(session.id))).toEqual(expected);
      return true;
    },
    { what: "the watches to stand" },
  );
  for (const lock of locks.slice(0, 2)) await lock.release();
  await Promise.all(waiting.slice(0, 2));
  await locks[2]!.release();
  await waiting[2];
  await Promise.all(managers.map((manager) => manager.close()));
  zooKeeper.stop();
});

test("one permit freed wakes one waiter and lets the next one move up; the others hear nothing", async () => {
  const resource = setting.resource();
  const holder = permits(await setting.manager(), resource, 1);
  await holder.acquire();
  const waiters: { lock: ZkLock; news: number[]; granted: Promise<number> }[] = [];
  for (let place = 0; place < 5; place += 1) {
    const lock = permits(await setting.manager(), resource, 1);
    const news: number[] = [];
    lock.on("queued", ({ ahead }) => news.push(ahead));
    waiters.push({ lock, news, granted: lock.acquire() });
    await setting.queueOf(resource, place + 2);
  }
  const newsOf = (): number[][] => waiters.map(({ news }) => news);
  await until(() => newsOf().every(({ length }) => length > 0), { what: "everybody to know its place" });
  // Each arrival wakes the first in line, who watches children; its place is the same, so that is no news to its caller.
  expect(newsOf()).toEqual([[1], [2], [3], [4], [5]]);
  for (const { news } of waiters) news.splice(0);
  await holder.release();
  await waiters[0]!.granted;
  await until(() => waiters[1]!.news.length === 1, { what: "the second to move up" });
  // A look would be told, for all have moved up; the last one's round trip to the server comes after any that was on its way.
  await waiters[4]!.lock.requestRelease();
  expect(newsOf()).toEqual([[], [1], [], [], []]);
  for (const { lock, granted } of waiters) {
    await granted;
    await lock.release();
  }
});

test("a waiter in the middle that leaves is not missed by the one behind it", async () => {
  const resource = setting.resource();
  const locks = await Promise.all([0, 1, 2, 3].map(async () => permits(await setting.manager(), resource, 1)));
  await locks[0]!.acquire();
  const abort = new AbortController();
  const first = rejection(locks[1]!.acquire({ signal: abort.signal }));
  await setting.queueOf(resource, 2);
  const second = locks[2]!.acquire();
  await setting.queueOf(resource, 3);
  const third = locks[3]!.acquire();
  await setting.queueOf(resource, 4);
  abort.abort();
  await first;
  await locks[0]!.release();
  await second;
  await locks[2]!.release();
  await third;
  await locks[3]!.release();
});

test("each acquire of a process takes a permit of its own, and each release gives one back", async () => {
  const resource = setting.resource();
  const lock = permits(await setting.manager(), resource);
  const other = permits(await setting.manager(), resource);
  const numbers = [await lock.acquire(), await lock.acquire()];
  expect(new Set(numbers).size).toBe(2);
  expect(await other.tryAcquire()).toBeNull();
  expect(await lock.release()).toBe(true);
  expect(await other.tryAcquire()).not.toBeNull();
  expect(await lock.release()).toBe(true);
  expect(await lock.release()).toBe(false);
  await other.release();
});

test("is shared: its number is no fence", async () => {
  expect(permits(await setting.manager(), setting.resource()).shared).toBe(true);
});

test("the permits of a process that is killed are free again", async () => {
  const resource = setting.resource();
  const worker = await member(setting);
  await worker.call("permit", resource, 2);
  await worker.call("permit", resource, 2);
  const lock = permits(await setting.manager(), resource);
  expect(await lock.tryAcquire()).toBeNull();
  const acquiring = lock.acquire();
  await worker.kill();
  await acquiring;
  await lock.release();
});

test("another limit than the stored one is refused with both numbers, and leaves nothing behind", async () => {
  const resource = setting.resource();
  const lock = permits(await setting.manager(), resource, 2);
  await lock.acquire();
  const manager = await setting.manager();
  const error = await rejection<LimitMismatchError>(permits(manager, resource, 3).acquire());
  expect(error).toMatchObject({ code: "ERR_LIMIT_MISMATCH", wanted: 3, limit: 2, resource });
  await setting.queueOf(resource, 1);
  expect(await manager.drain(2_000)).toEqual([]);
  await lock.release();
});

test("another limit than the one in use in this very process is refused as well", async () => {
  const resource = setting.resource();
  const manager = await setting.manager();
  const lock = permits(manager, resource, 2);
  await lock.acquire();
  expect(await rejection(permits(manager, resource, 3).acquire())).toMatchObject({ code: "ERR_LIMIT_MISMATCH" });
  await lock.release();
  await setting.queueOf(resource, 0);
});

test("replaceLimit changes the limit for everybody who asks from then on", async () => {
  const resource = setting.resource();
  const [here, there] = [await setting.manager(), await setting.manager()];
  const before = permits(here, resource, 1);
  await before.acquire();
  const after = here.createSemaphore(resource, { maxConcurrentHolders: 2, replaceLimit: true });
  expect(await after.tryAcquire()).not.toBeNull();
  expect((await there.inspect(resource)).maxConcurrentHolders).toBe(2);
  expect(await permits(there, resource, 2).tryAcquire()).toBeNull();
  expect(await rejection(permits(there, resource, 1).acquire())).toMatchObject({ wanted: 1, limit: 2 });
  await Promise.all([before.release(), after.release()]);
});

test("the limit outlives the holders, as long as the directory does", async () => {
  const resource = setting.resource();
  const lock = permits(await setting.manager(), resource, 2);
  await lock.acquire();
  await lock.release();
  const other = permits(await setting.manager(), resource, 5);
  expect(await rejection(other.acquire())).toMatchObject({ code: "ERR_LIMIT_MISMATCH" });
  await setting.queueOf(resource, 0);
  await setting.raw.delete(setting.directory(resource));
  await other.acquire();
  await other.release();
});

test("as many tasks of a process hold at once as there are permits, however many wait", async () => {
  const resource = setting.resource();
  const lock = permits(await setting.manager(), resource, 5);
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 40 }, () =>
      lock.using(async () => {
        most = Math.max(most, (inside += 1));
        await until(() => most >= 5, { what: "all permits to be in use" });
        await new Promise((resolve) => setTimeout(resolve, 5));
        inside -= 1;
      }),
    ),
  );
  expect(most).toBe(5);
});

test.each([0, -1, 1.5, Number.NaN, Infinity, "2", undefined])("refuses %p permits at once", async (limit) => {
  const resource = setting.resource();
  const manager = await setting.manager();
  expect(() => manager.createSemaphore(resource, { maxConcurrentHolders: limit as number })).toThrow(
    expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }),
  );
  expect(await setting.raw.exists(setting.directory(resource))).toBe(false);
});
