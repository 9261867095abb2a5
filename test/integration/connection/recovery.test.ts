import { expect, test } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { ZkLockManager } from "../../../src/index.js";
import { InMemoryZooKeeper, VirtualClock } from "../../../src/testing/index.js";
import type { Opcode } from "../../helpers/zookeeper-frames.js";
import { until } from "../../helpers/until.js";
import { canStartServers, startServer } from "../../helpers/zookeeper-server.js";
import { journal, rejection, timeoutOf, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

/** A session that outlives what these tests do to its connection. */
const LONG = { sessionTimeout: 10_000 };

const LOSSES: { what: string; operation: Opcode; swallow: "swallowReply" | "swallowRequest"; keepOpen: boolean }[] = [
  { what: "the reply to the create", operation: "create", swallow: "swallowReply", keepOpen: false },
  { what: "the create itself", operation: "create", swallow: "swallowRequest", keepOpen: false },
  {
    what: "the reply to the create, on a connection that stays",
    operation: "create",
    swallow: "swallowReply",
    keepOpen: true,
  },
  { what: "the reply to the list", operation: "getChildren2", swallow: "swallowReply", keepOpen: false },
  { what: "the list itself", operation: "getChildren2", swallow: "swallowRequest", keepOpen: false },
];

test.each(LOSSES)("lost: $what. A free lock is acquired with one ticket, and nothing is left", async (loss) => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied(LONG);
  const lock = manager.createLock(resource);
  const before = await lock.acquire();
  await lock.release();
  const { sprung } = await proxy[loss.swallow](loss.operation, { keepOpen: loss.keepOpen });
  expect(await lock.acquire()).toBeGreaterThan(before);
  await sprung;
  expect(await setting.tickets(resource)).toHaveLength(1);
  expect(lock.holdCount).toBe(1);
  await lock.release();
  expect(await setting.tickets(resource)).toEqual([]);
});

test("lost: the reply to the create, and the next server lags behind. The ticket is found all the same", async () => {
  // No real follower lags at our word.
  const clock = new VirtualClock();
  const zooKeeper = new InMemoryZooKeeper({ clock, followers: 1 });
  const client = zooKeeper.client({ timeout: 4_000 });
  const lock = new ZkLockManager().init(client).createLock("moved");
  void lock.acquire().then(() => lock.release());
  await clock.advance(1_000);
  zooKeeper.lag(1, 5);
  zooKeeper.dropReply(client, "create");
  zooKeeper.attach(client, 1);
  void lock.acquire();
  await clock.advance(10_000);
  expect(lock.isHeld).toBe(true);
  expect(zooKeeper.tickets()).toHaveLength(1);
  void lock.release();
  await clock.advance(1_000);
  expect(zooKeeper.tickets()).toEqual([]);
});

test("a directory that is deleted as soon as it is made, at any moment of the entry: taken when that ends", async () => {
  let timesDeleted = 0;
  for (let seed = 1; seed <= 50; seed += 1) {
    const clock = new VirtualClock();
    const zooKeeper = new InMemoryZooKeeper({ clock, seed, latencyMs: { min: 1, max: 9 } });
    const lock = new ZkLockManager().init(zooKeeper.client({ timeout: 6_000 })).createLock("unwanted");
    // Whoever got through to the listing before its ticket was deleted has held, and lost that.
    lock.on("lost", () => undefined);
    const acquired = lock.acquire();
    for (const stopMs = clock.monotonicMs() + 100; clock.monotonicMs() < stopMs;) {
      timesDeleted += zooKeeper.deleteAll("/locks/unwanted");
      await clock.advance(0.1);
    }
    await clock.advance(1_000);
    expect(await acquired).toBeGreaterThan(0);
  }
  expect(timesDeleted).toBeGreaterThan(50);
});

test.each(LOSSES)("lost: $what. A waiter keeps one ticket, and is granted in its turn", async (loss) => {
  const resource = setting.resource();
  const holder = (await setting.manager()).createLock(resource);
  await holder.acquire();
  const { proxy, manager } = await setting.proxied(LONG);
  const lock = manager.createLock(resource);
  const { sprung } = await proxy[loss.swallow](loss.operation, { keepOpen: loss.keepOpen });
  const granted = lock.acquire();
  granted.catch(() => undefined);
  await sprung;
  // The holder's own watch on its ticket, and the waiter's.
  const watchers = async () => [...(await setting.watches(resource)).values()];
  await until(async () => (await watchers())[0] === 2, { what: "the waiter to watch" });
  expect(await watchers()).toHaveLength(1);
  expect(await setting.tickets(resource)).toHaveLength(2);
  await holder.release();
  expect(await granted).toEqual(expect.any(Number));
  await lock.release();
  await setting.queueOf(resource, 0);
});

test.each(LOSSES)("lost: $what. A caller who gives up meanwhile leaves nothing", async (loss) => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied(LONG);
  const lock = manager.createLock(resource);
  await lock.acquire();
  await lock.release();
  const { sprung } = await proxy[loss.swallow](loss.operation, { keepOpen: loss.keepOpen });
  const abort = new AbortController();
  const outcome = lock.acquire({ signal: abort.signal }).then(
    () => lock.release(),
    () => undefined,
  );
  await sprung;
  abort.abort();
  await outcome;
  // What is left, if anything, goes as soon as the manager is in touch again, and stands in nobody's way for longer.
  expect(await lock.acquire({ timeout: 8_000 })).toEqual(expect.any(Number));
  await setting.queueOf(resource, 1);
  await lock.release();
  await setting.queueOf(resource, 0);
});

test.each([
  ["the reply to the delete", "swallowReply"],
  ["the delete itself", "swallowRequest"],
] as const)("lost: %s. The release resolves, and the ticket goes", async (_, swallow) => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied(LONG);
  const lock = manager.createLock(resource);
  const token = await lock.acquire();
  const { sprung } = await proxy[swallow]("delete");
  expect(await lock.release()).toBe(true);
  await sprung;
  await setting.queueOf(resource, 0);
  expect(await lock.acquire()).toBeGreaterThan(token);
  expect(await setting.tickets(resource)).toHaveLength(1);
  await lock.release();
});

test("lost: the first create of the directory. It is made, once", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied(LONG);
  const lock = manager.createLock(resource);
  const { sprung } = await proxy.swallowReply("createContainer");
  await lock.acquire();
  await sprung;
  expect(await setting.tickets(resource)).toHaveLength(1);
  await lock.release();
});

test("a release while the connection is down resolves, and the ticket goes after the reconnect", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied(LONG);
  const lock = manager.createLock(resource);
  const heard = journal(lock);
  const token = await lock.acquire();
  await proxy.close();
  await proxy.cut();
  await until(() => heard.includes("suspended"), { what: "the hold to be suspended" });
  expect({ isHeld: lock.isHeld, token: lock.token }).toEqual({ isHeld: true, token });
  expect(await lock.release()).toBe(true);
  expect({ isHeld: lock.isHeld, token: lock.token }).toEqual({ isHeld: false, token: null });
  expect(await setting.tickets(resource)).toHaveLength(1);
  await proxy.reopen();
  await setting.queueOf(resource, 0);
  expect(heard).toEqual(["acquired", "suspended", "released"]);
});

test("a release whose answer the connection loses resolves at the loss, not at the reconnect", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied(LONG);
  const lock = manager.createLock(resource);
  await lock.acquire();
  await proxy.pause();
  const released = lock.release();
  await proxy.close();
  await proxy.cut();
  expect(await released).toBe(true);
  expect(await setting.tickets(resource)).toHaveLength(1);
  await proxy.resume();
  await proxy.reopen();
  await setting.queueOf(resource, 0);
});

test("a cut connection is 'suspended' and 'resumed', and the hold is intact", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied(LONG);
  const lock = manager.createLock(resource);
  const heard = journal(lock);
  const token = await lock.acquire();
  const { signal } = lock;
  const session = manager.session.id;
  const tickets = await setting.tickets(resource);
  await proxy.cut();
  await until(() => heard.includes("resumed"), { what: "the hold to be resumed" });
  expect(heard).toEqual(["acquired", "suspended", "resumed"]);
  expect({ token: lock.token, isHeld: lock.isHeld, aborted: signal.aborted }).toEqual({
    token,
    isHeld: true,
    aborted: false,
  });
  expect(manager.session.id).toBe(session);
  expect(await setting.tickets(resource)).toEqual(tickets);
  expect(await (await setting.manager()).createLock(resource).tryAcquire()).toBeNull();
  expect(await lock.release()).toBe(true);
});

test("20 cuts in a row, with requests under way, leave session and hold intact", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied(LONG);
  const lock = manager.createLock(resource);
  const token = await lock.acquire();
  const session = manager.session.id;
  for (let cut = 0; cut < 20; cut += 1) {
    const others = [1, 2, 3].map((number) => manager.createLock(`${resource}-${number}`).using(() => undefined));
    await proxy.cut();
    await Promise.all(others);
  }
  expect(await lock.renew()).toBe(token);
  expect(manager.session.id).toBe(session);
  expect(await lock.release()).toBe(true);
  for (const number of [1, 2, 3]) await setting.queueOf(`${resource}-${number}`, 0);
});

test("a waiter whose predecessor goes while it is out of touch is granted after the reconnect", async () => {
  const resource = setting.resource();
  const holder = (await setting.manager()).createLock(resource);
  const token = await holder.acquire();
  const { proxy, manager } = await setting.proxied(LONG);
  const lock = manager.createLock(resource);
  const granted = lock.acquire();
  granted.catch(() => undefined);
  await setting.queueOf(resource, 2);
  await proxy.close();
  await proxy.cut();
  await until(() => manager.session.state === "suspended", { what: "the waiter to be out of touch" });
  await holder.release();
  await setting.queueOf(resource, 1);
  expect(lock.isHeld).toBe(false);
  await proxy.reopen();
  expect(await granted).toBeGreaterThan(token);
  await lock.release();
});

test("a waiter whose predecessor still stands after the reconnect watches it again", async () => {
  const resource = setting.resource();
  const holder = (await setting.manager()).createLock(resource);
  await holder.acquire();
  const { proxy, manager } = await setting.proxied(LONG);
  const lock = manager.createLock(resource);
  const granted = lock.acquire();
  granted.catch(() => undefined);
  const tickets = await setting.queueOf(resource, 2);
  const watchers = async () => (await setting.watches(resource)).get(tickets[0]!) ?? 0;
  // The holder's own watch, and the waiter's.
  await until(async () => (await watchers()) === 2, { what: "both watches" });
  await proxy.cut();
  await until(async () => (await watchers()) === 1, {
    what: "the waiter's watch to go with its connection",
    everyMs: 1,
  }).catch(() => undefined);
  await until(async () => (await watchers()) === 2, { what: "the waiter's watch to be there again" });
  expect(await setting.tickets(resource)).toEqual(tickets);
  await holder.release();
  await granted;
  await lock.release();
});

test("an acquire and its timeout go on counting while the connection is down", async () => {
  const { proxy, manager } = await setting.proxied(LONG);
  const resource = setting.resource();
  const lock = manager.createLock(resource);
  await proxy.close();
  await proxy.cut();
  await until(() => manager.session.state === "suspended", { what: "the manager to be out of touch" });
  const started = performance.now();
  expect(await timeoutOf(lock, 200)).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT" });
  expect(performance.now() - started).toBeLessThan(1_000);
  const abort = new AbortController();
  const aborted = rejection(lock.acquire({ signal: abort.signal }));
  await sleep(20);
  abort.abort("enough");
  expect(await aborted).toBe("enough");
  const patient = lock.acquire();
  await proxy.reopen();
  await patient;
  expect(await setting.tickets(resource)).toHaveLength(1);
  await lock.release();
});

test("a slow network in tiny pieces changes nothing", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied(LONG);
  await proxy.chunk(7);
  await proxy.delay(5);
  const lock = manager.createLock(resource);
  const token = await lock.acquire();
  await lock.release();
  expect(await lock.acquire()).toBeGreaterThan(token);
  await lock.release();
});

test("close() in the middle of a reconnect ends cleanly, time and again", async () => {
  for (let time = 0; time < 10; time += 1) {
    const { proxy, manager } = await setting.proxied(LONG);
    const lock = manager.createLock(setting.resource());
    lock.on("lost", () => undefined);
    await lock.acquire();
    await proxy.cut();
    await sleep(time * 2);
    await manager.close();
  }
});

(canStartServers() ? test : test.skip)(
  "a server that is killed and started again keeps hold and line",
  async () => {
    const server = await startServer();
    setting.later(() => server.stop());
    const [one, other] = await Promise.all(
      [1, 2].map(() => setting.manager({ sessionTimeout: 30_000 }, server.connectString)),
    );
    const resource = setting.resource();
    const [lock, waiter] = [one!.createLock(resource), other!.createLock(resource)];
    const heard = journal(lock);
    const token = await lock.acquire();
    const granted = waiter.acquire();
    await until(async () => (await one!.inspect(resource)).waiters.length === 1, { what: "the waiter" });
    await server.restart();
    await until(() => heard.includes("resumed"), { what: "the hold to be resumed", timeoutMs: 20_000 });
    expect(await lock.renew()).toBe(token);
    expect(waiter.isHeld).toBe(false);
    await lock.release();
    expect(await granted).toBeGreaterThan(token);
    await waiter.release();
  },
  60_000,
);
