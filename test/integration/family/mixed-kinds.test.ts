import { expect, test } from "@jest/globals";
import type { ZkLock, ZkLockManager } from "../../../src/index.js";
import { until } from "../../helpers/until.js";
import { useSetting } from "../setting.js";

const setting = useSetting();

const KINDS = ["mutex", "read", "write", "permit"] as const;
type Kind = (typeof KINDS)[number];

/** A lock of a kind; two permits. All on the same name, they stand in one queue. */
function lockOf(manager: ZkLockManager, kind: Kind, resource: string): ZkLock {
  const options = { reentrancy: "none" } as const;
  switch (kind) {
    case "mutex":
      return manager.createLock(resource, options);
    case "read":
    case "write":
      return manager.createReadWriteLock(resource, options)[kind];
    case "permit":
      return manager.createSemaphore(resource, { maxConcurrentHolders: 2, ...options });
    default:
      return kind satisfies never;
  }
}

const isShared = (kind: Kind): boolean => kind === "read" || kind === "permit";

/** Every pair of kinds, in both orders. */
const PAIRS = KINDS.flatMap((first) => KINDS.map((second) => [first, second] as const));

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
  const line: readonly Kind[] = ["permit", "read", "permit", "permit", "mutex", "permit", "read", "write", "permit"];
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
