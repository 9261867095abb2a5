import { expect, test } from "@jest/globals";
import type { ResourceEvent, ResourceWatcher, ZkLockManager } from "../../../src/index.js";
import { InMemoryZooKeeper } from "../../../src/testing/index.js";
import { ZkLockManager as Manager } from "../../../src/index.js";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../setting.js";
import { member } from "./family.js";

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
  const hold = { token, identity: { who: "holder", shift: 3 } };
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
    { type: "locked", token, identity: { who: "the doomed" } },
    { type: "unlocked", token, identity: { who: "the doomed" } },
    { type: "locked", token: lock.token, identity: { who: "the next" } },
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
