import { isDeepStrictEqual } from "node:util";
import { expect, test } from "@jest/globals";
import type { ZkLock, ZkLockManager } from "../../../src/index.js";
import { LOCK_KINDS, lockOf, type LockKind } from "../../helpers/lock-of.js";
import { until } from "../../helpers/until.js";
import { useSetting } from "../../helpers/setting.js";

const setting = useSetting();

const isShared = (kind: LockKind): boolean => kind === "read" || kind === "permit";

/** Every pair of kinds, in both orders. */
const PAIRS = LOCK_KINDS.flatMap((first) => LOCK_KINDS.map((second) => [first, second] as const));

test.each(PAIRS)("one name: while a %s is held, a %s is granted only if both are shared", async (first, second) => {
  const resource = setting.resource();
  const [here, there] = [await setting.manager(), await setting.manager()];
  const holder = lockOf(here, first, resource);
  await holder.acquire();
  // In another process, and in the same one.
  for (const manager of [there, here]) {
    const other = lockOf(manager, second, resource);
    const token = await other.tryAcquire();
    expect(token !== null).toBe(isShared(first) && isShared(second));
    if (token !== null) await other.release();
  }
  await holder.release();
});

test("one queue, one order: each kind has its turn when those before it that exclude it have gone", async () => {
  const resource = setting.resource();
  const managers = await Promise.all([0, 1, 2].map(() => setting.manager()));
  const line: readonly LockKind[] = [
    "permit",
    "read",
    "permit",
    "permit",
    "mutex",
    "permit",
    "read",
    "write",
    "permit",
  ];
  const granted: number[] = [];
  const locks: ZkLock[] = [];
  const waiting: Promise<unknown>[] = [];
  for (const [place, kind] of line.entries()) {
    const lock = lockOf(managers[place % 3]!, kind, resource);
    locks.push(lock);
    waiting.push(lock.acquire().then(() => granted.push(place)));
    await setting.queueOf(resource, place + 1);
  }
  const turnOf = async (...places: number[]): Promise<void> => {
    await until(() => places.every((place) => granted.includes(place)), { what: `the turn of ${places.join()}` });
    // Whoever else was wrongly woken by now would have its grant before this answer.
    const { holders } = await managers[0]!.inspect(resource);
    const holding = [...granted].sort().filter((place) => locks[place]!.isHeld);
    expect(holders.map(({ sequence }) => sequence)).toEqual(holding);
  };
  await turnOf(0, 1, 2);
  expect(granted).toHaveLength(3);
  await locks[0]!.release();
  await turnOf(3);
  expect(granted).toHaveLength(4);
  for (const place of [1, 2, 3]) await locks[place]!.release();
  await turnOf(4);
  expect(granted).toHaveLength(5);
  await locks[4]!.release();
  await turnOf(5, 6);
  expect(granted).toHaveLength(7);
  await locks[6]!.release();
  await locks[5]!.release();
  await turnOf(7);
  expect(granted).toHaveLength(8);
  await locks[7]!.release();
  await turnOf(8);
  await locks[8]!.release();
  await Promise.all(waiting);
});

test("a semaphore's waiter moves up past a mutex that gave up", async () => {
  const resource = setting.resource();
  const managers = await Promise.all([0, 1, 2].map(() => setting.manager()));
  const holder = lockOf(managers[0]!, "permit", resource);
  await holder.acquire();
  const abort = new AbortController();
  const mutex = lockOf(managers[1]!, "mutex", resource).acquire({ signal: abort.signal });
  mutex.catch(() => undefined);
  await setting.queueOf(resource, 2);
  const permit = lockOf(managers[2]!, "permit", resource);
  const acquiring = permit.acquire();
  await setting.queueOf(resource, 3);
  abort.abort();
  await acquiring;
  await permit.release();
  await holder.release();
});

/** What `inspect` shows: the sequences of the holders, and of the waiters. */
async function shown(manager: ZkLockManager, resource: string): Promise<[number[], number[]]> {
  const { holders, waiters } = await manager.inspect(resource);
  return [holders.map(({ sequence }) => sequence), waiters.map(({ sequence }) => sequence)];
}

function showing(manager: ZkLockManager, resource: string, holders: number[], waiters: number[]): Promise<unknown> {
  return until(async () => isDeepStrictEqual(await shown(manager, resource), [holders, waiters]), {
    what: `holders ${holders.join()} and waiters ${waiters.join()}`,
  });
}

test("inspect and watch show a writer that reads too, and gives the write lock up, as what it is", async () => {
  const resource = setting.resource();
  const [manager, other, administrator] = await Promise.all([0, 1, 2].map(() => setting.manager()));
  const watcher = administrator!.watch(resource);
  setting.later(() => watcher.close());
  const seen: string[] = [];
  const place = new Map<number, number>();
  watcher.on("event", ({ type, token }) => {
    if (!place.has(token)) place.set(token, place.size);
    seen.push(`${type} ${place.get(token)}`);
  });
  await until(() => setting.raw.exists(setting.directory(resource)), { what: "the watch" });
  const documents = manager!.createReadWriteLock(resource, { reentrancy: "process" });
  await documents.write.acquire();
  const writer = lockOf(other!, "write", resource);
  const writing = writer.acquire();
  await setting.queueOf(resource, 2);
  await showing(administrator!, resource, [0], [1]);
  await documents.read.acquire();
  const reader = lockOf(other!, "read", resource);
  const reading = reader.acquire();
  await setting.queueOf(resource, 4);
  await showing(administrator!, resource, [0, 2], [1, 3]);
  await until(() => seen.length === 2, { what: "the watcher to see both" });
  // The write ticket keeps its place, for another writer came before the reader; but nobody holds it.
  await documents.write.release();
  await showing(administrator!, resource, [2], [1, 3]);
  await until(() => seen.length === 3, { what: "the watcher to see the reader alone" });
  expect(await setting.tickets(resource)).toHaveLength(4);
  // Those who hold are asked.
  let heard = 0;
  documents.read.on("release-requested", () => (heard += 1));
  expect(await reader.requestRelease()).toBe(1);
  await until(() => heard === 1, { what: "the reader to hear" });
  await documents.read.release();
  await writing;
  await showing(administrator!, resource, [1], [3]);
  await until(() => seen.length === 5, { what: "the watcher to see the next writer" });
  expect(seen.slice(0, 3)).toEqual(["locked 0", "locked 1", "unlocked 0"]);
  expect(seen.slice(3).sort()).toEqual(["locked 2", "unlocked 1"]);
  await writer.release();
  await reading;
  await reader.release();
});

test("a downgraded reader can be released by force", async () => {
  const resource = setting.resource();
  const [manager, other, administrator] = await Promise.all([0, 1, 2].map(() => setting.manager()));
  const documents = manager!.createReadWriteLock(resource, { reentrancy: "process" });
  await documents.write.acquire();
  const writer = lockOf(other!, "write", resource);
  const writing = writer.acquire();
  await setting.queueOf(resource, 2);
  const number = await documents.read.acquire();
  await documents.write.release();
  await showing(administrator!, resource, [2], [1]);
  const lost = new Promise((resolve) => documents.read.on("lost", resolve));
  expect(await administrator!.forceRelease(resource, number)).toBe(true);
  expect(await lost).toMatchObject({ reason: "ticket-gone" });
  await writing;
  await writer.release();
});

test("each permit is shown, asked and released by the limit that its owner asked for", async () => {
  const resource = setting.resource();
  const [wide, narrow, administrator] = await Promise.all([0, 1, 2].map(() => setting.manager()));
  const holders = wide!.createSemaphore(resource, { maxConcurrentHolders: 3 });
  holders.on("lost", () => undefined);
  let heard = 0;
  holders.on("release-requested", () => (heard += 1));
  const numbers = [await holders.acquire(), await holders.acquire(), await holders.acquire()];
  const late = narrow!.createSemaphore(resource, { maxConcurrentHolders: 1, replaceLimit: true });
  const waiting = late.acquire();
  await setting.queueOf(resource, 4);
  // The limit is lowered; those who hold go on holding.
  await until(async () => (await administrator!.inspect(resource)).maxConcurrentHolders === 1, { what: "the limit" });
  expect(await shown(administrator!, resource)).toEqual([[0, 1, 2], [3]]);
  // Whatever limit the asking handle has.
  expect(await administrator!.createSemaphore(resource, { maxConcurrentHolders: 9 }).requestRelease()).toBe(3);
  await until(() => heard === 3, { what: "all holders to hear" });
  const watcher = administrator!.watch(resource);
  setting.later(() => watcher.close());
  const locked: number[] = [];
  watcher.on("locked", ({ token }) => locked.push(token));
  await until(() => locked.length === 3, { what: "the watcher to see them" });
  expect(locked).toEqual(numbers);
  expect(await administrator!.forceRelease(resource, numbers[2]!)).toBe(true);
  await until(() => wide!.holds().length === 2, { what: "the last one to be lost" });
  await Promise.allSettled([holders.release(), holders.release(), holders.release()]);
  await waiting;
  await late.release();
});
