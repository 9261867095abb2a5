import { expect, test } from "@jest/globals";
import { hostname } from "node:os";
import { instantOf } from "../../../src/common/clock.js";
import { type ResourceEvent, ResourceWatcher, type ZkLockManager } from "../../../src/index.js";
import { Session } from "../../../src/engine/session.js";
import { type InMemoryClient, InMemoryZooKeeper, VirtualClock } from "../../../src/testing/index.js";
import { ZkLockManager as Manager } from "../../../src/index.js";
import type { QueuePort } from "../../../src/engine/queue-port.js";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../../helpers/setting.js";
import { member } from "../../helpers/member.js";

const setting = useSetting();

/** A watcher that has had its first look, and what it tells. */
async function watching(
  manager: ZkLockManager,
  resource: string,
): Promise<{ watcher: ResourceWatcher; events: ResourceEvent[] }> {
  const watcher = manager.watch(resource);
  setting.later(() => watcher.close());
  const events: ResourceEvent[] = [];
  watcher.on("event", (event) => events.push(event));
  // It makes the directory where there is none: from then on it misses nothing.
  await until(() => setting.raw.exists(setting.directory(resource)), { what: "the watch" });
  return { watcher, events };
}

function told(events: readonly ResourceEvent[], count: number): Promise<unknown> {
  return until(() => events.length >= count, { what: `${count} events` });
}

test("tells of locks and unlocks of another process, with token and identity", async () => {
  const resource = setting.resource();
  const { events } = await watching(await setting.manager(), resource);
  const lock = (await setting.manager({ identity: { who: "holder", shift: 3 } })).createLock(resource);
  const token = await lock.acquire();
  await told(events, 1);
  await lock.release();
  await told(events, 2);
  const hold = { token, identity: { host: hostname(), pid: process.pid, who: "holder", shift: 3 } };
  expect(events).toEqual([
    { type: "locked", ...hold },
    { type: "unlocked", ...hold },
  ]);
});

test("tells of holds of its own manager too", async () => {
  const resource = setting.resource();
  const manager = await setting.manager();
  const { events } = await watching(manager, resource);
  await manager.createLock(resource).using(() => told(events, 1));
  await told(events, 2);
  expect(events.map(({ type }) => type)).toEqual(["locked", "unlocked"]);
});

test("says at once that a resource is locked already", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  const token = await lock.acquire();
  const { events } = await watching(await setting.manager(), resource);
  await told(events, 1);
  expect(events[0]).toMatchObject({ type: "locked", token });
  await lock.release();
});

test("tells when a holder's process is killed, and who is next", async () => {
  const resource = setting.resource();
  const { events } = await watching(await setting.manager(), resource);
  const worker = await member(setting, { identity: { who: "the doomed" } });
  const token = await worker.call("lock", resource);
  const lock = (await setting.manager({ identity: { who: "the next" } })).createLock(resource);
  const acquiring = lock.acquire();
  await told(events, 1);
  await worker.kill();
  await acquiring;
  await told(events, 3);
  expect(events).toEqual([
    { type: "locked", token, identity: { host: hostname(), pid: worker.pid, who: "the doomed" } },
    { type: "unlocked", token, identity: { host: hostname(), pid: worker.pid, who: "the doomed" } },
    { type: "locked", token: lock.token, identity: { host: hostname(), pid: process.pid, who: "the next" } },
  ]);
  await lock.release();
});

test("a waiter that comes or goes is no event", async () => {
  const resource = setting.resource();
  const { events } = await watching(await setting.manager(), resource);
  const lock = (await setting.manager()).createLock(resource);
  await lock.acquire();
  await told(events, 1);
  await rejection((await setting.manager()).createLock(resource).acquire({ timeout: 30 }));
  await setting.queueOf(resource, 1);
  await lock.release();
  await told(events, 2);
  expect(events.map(({ type }) => type)).toEqual(["locked", "unlocked"]);
});

test("tells of each permit of a semaphore, and of each reader", async () => {
  const resource = setting.resource();
  const { events } = await watching(await setting.manager(), resource);
  const manager = await setting.manager();
  const permits = manager.createSemaphore(resource, { maxConcurrentHolders: 2 });
  const numbers = [await permits.acquire(), await permits.acquire()];
  await told(events, 2);
  expect(events.map(({ token }) => token)).toEqual(numbers);
  const third = permits.acquire();
  await setting.queueOf(resource, 3);
  await permits.release();
  await told(events, 4);
  await third;
  await permits.release();
  await permits.release();
  await told(events, 6);
  const open = new Set<number>();
  for (const { type, token } of events) {
    if (type === "locked") open.add(token);
    else expect(open.delete(token)).toBe(true);
    expect(open.size).toBeLessThanOrEqual(2);
  }
  expect(open.size).toBe(0);
});

test("goes on after the directory was reaped and made anew", async () => {
  const resource = setting.resource();
  const { events } = await watching(await setting.manager(), resource);
  const lock = (await setting.manager()).createLock(resource);
  await lock.acquire();
  await told(events, 1);
  await lock.release();
  await told(events, 2);
  await setting.raw.delete(setting.directory(resource));
  const token = await lock.acquire();
  await told(events, 3);
  expect(events[2]).toMatchObject({ type: "locked", token });
  await lock.release();
  await told(events, 4);
});

test("what changed while it was out of touch is told in the end", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied();
  const { events } = await watching(manager, resource);
  const lock = (await setting.manager()).createLock(resource);
  await proxy.close();
  await proxy.cut();
  const token = await lock.acquire();
  await proxy.reopen();
  await told(events, 1);
  expect(events).toMatchObject([{ type: "locked", token }]);
  await lock.release();
  await told(events, 2);
});

test("goes on over the end of a session, without a word told twice", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 1_000 });
  const { events } = await watching(manager, resource);
  const lock = (await setting.manager()).createLock(resource);
  const token = await lock.acquire();
  await told(events, 1);
  const { id } = manager.session;
  const own = manager.createLock(setting.resource());
  own.on("lost", () => undefined);
  await own.acquire();
  await proxy.blackhole();
  await setting.queueOf(own.resource, 0);
  await proxy.resume();
  await until(() => manager.session.state === "connected" && manager.session.id !== id, { what: "the next session" });
  await lock.release();
  await told(events, 2);
  expect(events).toMatchObject([
    { type: "locked", token },
    { type: "unlocked", token },
  ]);
});

test("is one watch on the server, however many watchers and listeners", async () => {
  const zooKeeper = new InMemoryZooKeeper();
  const manager = new Manager().init(zooKeeper.client({ timeout: 60_000 }));
  const watchers = Array.from({ length: 5 }, () => manager.watch("seen"));
  let heard = 0;
  for (const watcher of watchers) for (let ear = 0; ear < 3; ear += 1) watcher.on("locked", () => (heard += 1));
  const children = (): (readonly string[])[] => zooKeeper.sessions().map(({ watches }) => watches.children);
  await until(() => children().some((paths) => paths.length > 0), { what: "the watch" });
  const other = new Manager().init(zooKeeper.client({ timeout: 60_000 }));
  const lock = other.createLock("seen");
  await lock.acquire();
  await until(() => heard === 15, { what: "all listeners to hear" });
  await until(() => children().some((paths) => paths.length > 0), { what: "the watch to stand again" });
  expect(children().flat()).toEqual(["/locks/seen"]);
  for (const watcher of watchers) watcher.close();
  await Promise.all([manager.close(), other.close()]);
  zooKeeper.stop();
});

test("an iterator gives what is locked when it begins, and what comes then", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager({ identity: { who: "first" } })).createLock(resource);
  await lock.acquire();
  const { watcher, events } = await watching(await setting.manager(), resource);
  await told(events, 1);
  const seen: string[] = [];
  const iterating = (async () => {
    for await (const { type, identity } of watcher) {
      seen.push(`${type} ${String(identity?.["who"])}`);
      if (seen.length === 3) break;
    }
  })();
  await until(() => seen.length === 1, { what: "the first event" });
  await lock.release();
  await lock.acquire();
  await iterating;
  expect(seen).toEqual(["locked first", "unlocked first", "locked first"]);
  await lock.release();
});

test.each(["close", "abort"])("an iterator ends on %s", async (end) => {
  const resource = setting.resource();
  const abort = new AbortController();
  const watcher = (await setting.manager()).watch(resource, { signal: abort.signal });
  const iterating = (async () => {
    let events = 0;
    for await (const event of watcher) events += event.token > 0 ? 1 : 0;
    return events;
  })();
  await until(() => setting.raw.exists(setting.directory(resource)), { what: "the watch" });
  if (end === "close") watcher.close();
  else abort.abort();
  expect(await iterating).toBe(0);
  expect(watcher.isClosed).toBe(true);
  for await (const event of watcher) throw new Error(`A closed watcher told of ${event.type}.`);
});

test("an iterator ends when its manager is closed", async () => {
  const resource = setting.resource();
  const manager = await setting.manager();
  const watcher = manager.watch(resource);
  const iterating = (async () => {
    for await (const event of watcher) throw new Error(`Told of ${event.type}.`);
  })();
  await until(() => setting.raw.exists(setting.directory(resource)), { what: "the watch" });
  await manager.close();
  await rejection(iterating);
  expect(watcher.isClosed).toBe(true);
});

test("a name that cannot be is refused at once", async () => {
  const manager = await setting.manager();
  expect(() => manager.watch("")).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }));
});

test("a listener that throws ends nothing: it is an uncaught exception, and the watch goes on", async () => {
  const resource = setting.resource();
  const worker = await member(setting);
  const watched = worker.call("watchAndThrow", resource, 4);
  await until(() => setting.raw.exists(setting.directory(resource)), { what: "the watch" });
  const heardThere = (count: number) =>
    until(() => worker.events.length >= count, { what: `event ${count} to be heard there` });
  const lock = (await setting.manager()).createLock(resource);
  for (let round = 1; round <= 2; round += 1) {
    await lock.acquire();
    await heardThere(2 * round - 1);
    await lock.release();
    await heardThere(2 * round);
  }
  const types = ["locked", "unlocked", "locked", "unlocked"];
  const { uncaught, heard, iterated } = await watched;
  expect({ heard, iterated }).toEqual({ heard: types, iterated: types });
  expect(uncaught.filter((message) => message === "a listener's own")).toHaveLength(2);
  expect(uncaught.filter((message) => message === "another listener's own")).toHaveLength(4);
});

test("without a session, and none coming, the reason is told: to listeners, and to all who iterate, also later", async () => {
  const watcher = new Manager().watch("anything");
  const errors: unknown[] = [];
  let closed = 0;
  watcher.on("error", (error) => errors.push(error)).on("closed", () => (closed += 1));
  const iterate = async (): Promise<void> => {
    for await (const event of watcher) throw new Error(`Told of ${event.type}.`);
  };
  expect(await rejection(iterate())).toMatchObject({ code: "ERR_SESSION_LOST" });
  expect(await rejection(iterate())).toMatchObject({ code: "ERR_SESSION_LOST" });
  expect(errors).toMatchObject([{ code: "ERR_SESSION_LOST" }]);
  await until(() => closed === 1, { what: "the end to be told" });
  expect(watcher.isClosed).toBe(true);
});

test("an error without a listener ends the watch only, and iterating afterwards rejects with it", async () => {
  const watcher = new Manager().watch("anything");
  await until(() => watcher.isClosed, { what: "the watch to end" });
  const iterating = (async () => {
    for await (const event of watcher) throw new Error(`Told of ${event.type}.`);
  })();
  expect(await rejection(iterating)).toMatchObject({ code: "ERR_SESSION_LOST" });
});

test("the end of an adopted client's session is told to those who iterate", async () => {
  const zooKeeper = new InMemoryZooKeeper();
  const client = zooKeeper.client({ timeout: 4_000 });
  const manager = new Manager().init(client);
  const watcher = manager.watch("seen");
  const iterating = (async () => {
    for await (const event of watcher) throw new Error(`Told of ${event.type}.`);
  })();
  await until(() => zooKeeper.sessions().some(({ watches }) => watches.children.length > 0), { what: "the watch" });
  zooKeeper.expire(client);
  expect(await rejection(iterating)).toMatchObject({ code: "ERR_SESSION_LOST" });
  await manager.close();
  zooKeeper.stop();
});

test("a session that ends in the middle of a look is no end: the next one looks", async () => {
  const clock = new VirtualClock();
  const zooKeeper = new InMemoryZooKeeper({ clock, latencyMs: 1 });
  const clients: InMemoryClient[] = [];
  const manager = new Manager().initFrom(
    () => ({
      takeOver: "at-once",
      next: () => {
        const client = zooKeeper.client({ timeout: 4_000 });
        clients.push(client);
        return Promise.resolve(client.init());
      },
      resume: ({ id, password }) =>
        Promise.resolve(zooKeeper.client({ timeout: 4_000, client_id: id, client_password: password }).init()),
      windowMs: () => 1_000,
    }),
    clock,
  );
  await clock.advance(100);
  const watcher = manager.watch("seen");
  const events: string[] = [];
  const errors: unknown[] = [];
  watcher.on("event", ({ type }) => events.push(type)).on("error", (error) => errors.push(error));
  // Its first question is under way.
  await clock.advance(1);
  zooKeeper.expire(clients[0]!);
  await clock.advance(30_000);
  expect(manager.session.state).toBe("connected");
  const other = new Manager().init(zooKeeper.client({ timeout: 4_000 })).createLock("seen");
  void other.acquire();
  await clock.advance(1_000);
  expect({ events, errors }).toEqual({ events: ["locked"], errors: [] });
  watcher.close();
  zooKeeper.stop();
});

test("nothing stays of watches that were closed on the session that goes on", async () => {
  const clock = new VirtualClock();
  const session = new Session("51", 6_000, clock, instantOf(clock));
  const listening = new Set<() => void>();
  const port = {
    session,
    watchQueue: (_directory: string, onEvent: () => void) => {
      listening.add(onEvent);
      return Promise.resolve({ listing: { tickets: [] }, forget: () => listening.delete(onEvent) });
    },
  } as unknown as QueuePort;
  const engine = { port: () => Promise.resolve(port), clock };
  const watchers = Array.from({ length: 10 }, () => new ResourceWatcher("seen", "/locks/seen", engine));
  await clock.advance(10);
  expect(session.listenerCount("ended")).toBe(10);
  expect(listening.size).toBe(10);
  for (const watcher of watchers) watcher.close();
  await clock.advance(10);
  expect(
    (["connected", "disconnected", "lapsed", "ended"] as const).map((event) => session.listenerCount(event)),
  ).toEqual([0, 0, 0, 0]);
  expect(listening.size).toBe(0);
  // That of the session's lease.
  expect(clock.pending).toBe(1);
  session.end();
});
