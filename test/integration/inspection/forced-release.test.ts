import { expect, test } from "@jest/globals";
import { once } from "node:events";
import { type LockLostError, type ZkLock, ZkLockManager } from "../../../src/index.js";
import { InMemoryZooKeeper, VirtualClock } from "../../../src/testing/index.js";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../../helpers/setting.js";

/** Holds whose own watch is gone, or was never set: a forced release is told to each of them all the same, and once. */

const setting = useSetting();
const SESSION_MS = 6_000;
/** The guard of a hold is up by then. */
const SOME_TIME_MS = 200;

function losses(lock: ZkLock): LockLostError[] {
  const told: LockLostError[] = [];
  lock.on("lost", (error) => told.push(error));
  return told;
}

function ensemble(): { clock: VirtualClock; zooKeeper: InMemoryZooKeeper } {
  const clock = new VirtualClock();
  return { clock, zooKeeper: new InMemoryZooKeeper({ clock, latencyMs: 1 }) };
}

test("a hold that has seen several reconnects", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied();
  const lock = manager.createLock(resource);
  const told = losses(lock);
  const token = await lock.acquire();
  for (let cut = 0; cut < 3; cut += 1) {
    const back = once(manager, "suspended").then(() => once(manager, "connected"));
    await proxy.cut();
    await back;
  }
  const [ticket] = await setting.tickets(resource);
  await until(async () => (await setting.watches(resource)).get(ticket!) === 1, { what: "the watch to stand again" });
  expect(await (await setting.manager()).forceRelease(resource, token)).toBe(true);
  await until(() => told.length > 0, { what: "the holder to be told" });
  expect(told).toMatchObject([{ reason: "ticket-gone" }]);
  expect(lock.isHeld).toBe(false);
  await rejection(lock.release());
});

test("a write ticket that keeps its place for a reader of ours, after a reconnect", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied();
  const documents = manager.createReadWriteLock(resource);
  const told = losses(documents.read);
  const token = await documents.write.acquire();
  const other = (await setting.manager()).createReadWriteLock(resource).write;
  const writing = other.acquire();
  await setting.queueOf(resource, 2);
  await documents.read.acquire();
  await documents.write.release();
  const back = once(manager, "suspended").then(() => once(manager, "connected"));
  await proxy.cut();
  await back;
  const [kept] = await setting.tickets(resource);
  await until(async () => (await setting.watches(resource)).get(kept!) === 2, {
    what: "the watches of the reader and of the next writer",
  });
  expect(await (await setting.manager()).forceRelease(resource, token)).toBe(true);
  await until(() => told.length > 0, { what: "the reader to be told" });
  expect(told).toMatchObject([{ reason: "ticket-gone" }]);
  await writing;
  await other.release();
  await rejection(documents.read.release());
});

test("a hold whose watch was not answered on a connection that stayed up", async () => {
  const { clock, zooKeeper } = ensemble();
  const client = zooKeeper.client({ timeout: SESSION_MS });
  const lock = new ZkLockManager().init(client).createLock("unanswered");
  const told = losses(lock);
  const acquiring = lock.acquire();
  await clock.advance(20);
  await acquiring;
  // The next request is that of the guard.
  zooKeeper.dropReply(client, "any", { keepOpen: true });
  await clock.advance(SESSION_MS);
  expect(lock.isHeld).toBe(true);
  zooKeeper.delete(zooKeeper.tickets()[0]!.path);
  await clock.advance(SOME_TIME_MS);
  expect(told).toMatchObject([{ reason: "ticket-gone" }]);
  zooKeeper.stop();
});

test("a hold for which the session has no room for a watch: within a third of the session timeout", async () => {
  const { clock, zooKeeper } = ensemble();
  const [client, other] = [zooKeeper.client({ timeout: SESSION_MS }), zooKeeper.client({ timeout: SESSION_MS })];
  const [manager, owner] = [new ZkLockManager().init(client), new ZkLockManager().init(other)];
  // Watchers fill the session's watches, first with long names and then with short ones. (Tickets would fill the session itself.)
  let refused = 0;
  const wait = async (resource: string): Promise<void> => {
    manager.watch(resource).on("error", () => (refused += 1));
    await clock.advance(5);
  };
  for (let number = 0; refused === 0; number += 1) await wait(`${number}`.padEnd(500, "x"));
  for (let number = 0; refused === 1; number += 1) await wait(`short ${number}`);
  const lock = manager.createLock("held".padEnd(100, "x"));
  const told = losses(lock);
  const acquiring = lock.acquire();
  await clock.advance(SOME_TIME_MS);
  const token = await acquiring;
  const ticket = zooKeeper.tickets("/locks/" + lock.resource)[0]!.path;
  expect(zooKeeper.sessions().flatMap(({ watches }) => watches.data)).not.toContain(ticket);
  const forcing = owner.forceRelease(lock.resource, token);
  await clock.advance(SESSION_MS / 3 + SOME_TIME_MS);
  expect(await forcing).toBe(true);
  expect(told).toMatchObject([{ reason: "ticket-gone" }]);
  expect(lock.isHeld).toBe(false);
  zooKeeper.stop();
}, 60_000);
