import { afterEach, expect, test } from "@jest/globals";
import { type ZkLock, ZkLockManager } from "../../../src/index.js";
import { type InMemoryClient, InMemoryZooKeeper, VirtualClock } from "../../../src/testing/index.js";

/**
 * A semaphore's waiter that nothing happens to sends nothing but keep-alives, and one whose turn comes is woken: whatever the
 * limits of those before it, and whoever has written on their tickets.
 */

const RESOURCE = "pool";
/** So long that no keep-alive is among the requests that are counted. */
const SESSION_MS = 600_000;

let zooKeeper: InMemoryZooKeeper;
let clock: VirtualClock;
let requests: number;

afterEach(() => zooKeeper.stop());

function setUp(): void {
  clock = new VirtualClock();
  zooKeeper = new InMemoryZooKeeper({ clock, latencyMs: 1 });
  requests = 0;
}

/** Counts what is asked for on a client, its keep-alives left out. */
function counted(client: InMemoryClient): InMemoryClient {
  const calls = client as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of ["a_create", "a_get", "a_set", "a_get_children2", "a_delete_", "a_exists"]) {
    const call = calls[name]!.bind(client);
    calls[name] = (...args) => {
      if (name !== "a_set" || args[0] !== "/locks") requests += 1;
      return call(...args);
    };
  }
  return client;
}

function permits(maxConcurrentHolders: number, replaceLimit = false): ZkLock {
  const manager = new ZkLockManager().init(counted(zooKeeper.client({ timeout: SESSION_MS })));
  return manager.createSemaphore(RESOURCE, { maxConcurrentHolders, replaceLimit });
}

interface Asking {
  readonly lock: ZkLock;
  granted: boolean;
}

/** Asks for a permit, and lets everything settle. */
async function ask(lock: ZkLock): Promise<Asking> {
  const asking: Asking = { lock, granted: false };
  void lock.acquire().then(() => (asking.granted = true));
  await clock.advance(50);
  return asking;
}

async function release({ lock }: Asking): Promise<void> {
  void lock.release();
  await clock.advance(50);
}

async function requestsAtRest(): Promise<number> {
  await clock.advance(2_000);
  const before = requests;
  await clock.advance(10_000);
  return requests - before;
}

test("after the limit was lowered, with holders that were granted at their first look", async () => {
  setUp();
  const holders = [await ask(permits(3)), await ask(permits(3)), await ask(permits(3))];
  expect(holders.every(({ granted }) => granted)).toBe(true);
  const waiters = [await ask(permits(1, true)), await ask(permits(1)), await ask(permits(1))];
  expect(await requestsAtRest()).toBe(0);
  // The one right before the first waiter stays longest: it alone must not be watched.
  await release(holders[0]!);
  await release(holders[1]!);
  expect(waiters.map(({ granted }) => granted)).toEqual([false, false, false]);
  expect(await requestsAtRest()).toBe(0);
  await release(holders[2]!);
  expect(waiters.map(({ granted }) => granted)).toEqual([true, false, false]);
  await release(waiters[0]!);
  await release(waiters[1]!);
  expect(waiters.map(({ granted }) => granted)).toEqual([true, true, true]);
});

test("after the limit was lowered to more than one: each departure that makes room is noticed", async () => {
  setUp();
  const holders: Asking[] = [];
  for (let holder = 0; holder < 5; holder += 1) holders.push(await ask(permits(5)));
  const waiters = [await ask(permits(2, true)), await ask(permits(2))];
  expect(await requestsAtRest()).toBe(0);
  for (const leaving of [0, 1, 2]) {
    expect(waiters[0]!.granted).toBe(false);
    await release(holders[leaving]!);
  }
  // Two of the old holders are left.
  expect(waiters.map(({ granted }) => granted)).toEqual([false, false]);
  await release(holders[3]!);
  expect(waiters.map(({ granted }) => granted)).toEqual([true, false]);
  await release(holders[4]!);
  expect(waiters[1]!.granted).toBe(true);
});

test("with holders that had to wait, and so have written on their tickets", async () => {
  setUp();
  const first = await ask(permits(2));
  const second = await ask(permits(2));
  const third = await ask(permits(2));
  await release(first);
  expect(third.granted).toBe(true);
  const waiters = [await ask(permits(1, true)), await ask(permits(1))];
  expect(await requestsAtRest()).toBe(0);
  await release(third);
  expect(waiters[0]!.granted).toBe(false);
  await release(second);
  expect(waiters[0]!.granted).toBe(true);
  await release(waiters[0]!);
  expect(waiters[1]!.granted).toBe(true);
});

test("after a release was asked for by a handle with a larger limit", async () => {
  setUp();
  const holder = await ask(permits(1));
  const waiters = [await ask(permits(1)), await ask(permits(1)), await ask(permits(1))];
  void permits(10).requestRelease();
  expect(await requestsAtRest()).toBe(0);
  await release(holder);
  expect(waiters.map(({ granted }) => granted)).toEqual([true, false, false]);
  await release(waiters[0]!);
  expect(waiters.map(({ granted }) => granted)).toEqual([true, true, false]);
});

test("after anybody wrote on tickets that wait", async () => {
  setUp();
  const holder = await ask(permits(1));
  const waiters = [await ask(permits(1)), await ask(permits(1)), await ask(permits(1)), await ask(permits(1))];
  for (const { path } of zooKeeper.tickets("/locks/pool").slice(1)) zooKeeper.set(path, "scribble");
  expect(await requestsAtRest()).toBe(0);
  await release(holder);
  for (const waiter of waiters) {
    expect(waiter.granted).toBe(true);
    await release(waiter);
  }
});

test("behind a ticket that does not say what limit its owner asked for", async () => {
  setUp();
  const holder = await ask(permits(1));
  const client = zooKeeper.client({ timeout: SESSION_MS });
  client.init();
  await clock.advance(50);
  const foreign = zooKeeper.create("/locks/pool/foreign-permit-", "", { flags: 3, sessionId: client.client_id });
  const waiters = [await ask(permits(1)), await ask(permits(1))];
  expect(await requestsAtRest()).toBe(0);
  // As a holder with a larger limit, it stays when those before it leave.
  await release(holder);
  expect(waiters[0]!.granted).toBe(false);
  zooKeeper.delete(foreign);
  await clock.advance(50);
  expect(waiters[0]!.granted).toBe(true);
  await release(waiters[0]!);
  expect(waiters[1]!.granted).toBe(true);
});

test("behind a waiter with a smaller limit than ours, our turn does not wait for its", async () => {
  setUp();
  const holders: Asking[] = [];
  for (let holder = 0; holder < 3; holder += 1) holders.push(await ask(permits(3)));
  const modest = await ask(permits(1, true));
  const wide = await ask(permits(3, true));
  expect(await requestsAtRest()).toBe(0);
  await release(holders[0]!);
  expect(wide.granted).toBe(false);
  await release(holders[1]!);
  expect([modest.granted, wide.granted]).toEqual([false, true]);
  await release(holders[2]!);
  expect(modest.granted).toBe(true);
});

test("behind a permit that was granted, and said so, between our look at the queue and our watch", async () => {
  setUp();
  const holders = [await ask(permits(2)), await ask(permits(2))];
  const before = await ask(permits(2));
  const client = counted(zooKeeper.client({ timeout: SESSION_MS }));
  const lock = new ZkLockManager().init(client).createSemaphore(RESOURCE, { maxConcurrentHolders: 2 });
  await clock.advance(50);
  zooKeeper.delay(client, 1_000);
  const asking = await ask(lock);
  await release(holders[0]!);
  expect(before.granted).toBe(true);
  // What we know of the queue is old when we begin to watch.
  await clock.advance(5_000);
  expect(asking.granted).toBe(false);
  await release(holders[1]!);
  await clock.advance(5_000);
  expect(asking.granted).toBe(true);
});
