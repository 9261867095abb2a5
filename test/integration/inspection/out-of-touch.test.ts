import { expect, test } from "@jest/globals";
import { once } from "node:events";
import { type LockError, ZkLockManager } from "../../../src/index.js";
import { InMemoryZooKeeper, VirtualClock } from "../../../src/testing/index.js";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

/** What is asked of a manager from outside, on a resource that somebody holds. */
const QUESTIONS: Record<string, (manager: ZkLockManager, resource: string, token: number) => Promise<unknown>> = {
  inspect: async (manager, resource) => (await manager.inspect(resource)).holders.length,
  list: async (manager, resource) => (await manager.list()).includes(resource),
  findDeadlocks: (manager) => manager.findDeadlocks(),
  requestRelease: (manager, resource) => manager.createLock(resource).requestRelease(),
  forceRelease: (manager, resource, token) => manager.forceRelease(resource, token),
};
const ANSWERS: Record<string, unknown> = {
  inspect: 1,
  list: true,
  findDeadlocks: [],
  requestRelease: 1,
  forceRelease: true,
};

test.each(Object.entries(QUESTIONS))("%s waits for the reconnect, and is answered then", async (name, ask) => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  lock.on("lost", () => undefined);
  const token = await lock.acquire();
  const { proxy, manager } = await setting.proxied();
  const suspended = once(manager, "suspended");
  await proxy.close();
  await proxy.cut();
  // While the connection breaks, and when it is known to be gone.
  const asked = [ask(manager, resource, token)];
  await suspended;
  if (name !== "forceRelease") asked.push(ask(manager, resource, token));
  await proxy.reopen();
  for (const answer of asked) expect(await answer).toEqual(ANSWERS[name]);
  await lock.release().catch(() => undefined);
});

test.each(Object.entries(QUESTIONS))("%s ends with a typed error where nobody answers", async (_, ask) => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 1_000 });
  const { timeoutMs } = manager.session;
  await proxy.blackhole();
  const startedAt = performance.now();
  const error = await rejection<LockError>(ask(manager, resource, 7));
  expect(error).toMatchObject({ name: "SessionLostError", code: "ERR_SESSION_LOST" });
  expect(performance.now() - startedAt).toBeLessThan(timeoutMs + 1_000);
  await proxy.resume();
});

test("a question to a manager that has never been in touch ends after the session timeout", async () => {
  const proxy = await setting.proxy();
  await proxy.blackhole();
  const manager = setting.adopting(setting.client(proxy.connectString));
  const startedAt = performance.now();
  expect(await rejection(manager.inspect("anything"))).toMatchObject({ code: "ERR_SESSION_LOST" });
  expect(performance.now() - startedAt).toBeLessThan(12_000);
  await proxy.resume();
}, 20_000);

test.each(["once", "again and again"])(
  "a forced release whose reply is lost %s is true, and told once",
  async (often) => {
    const clock = new VirtualClock();
    const zooKeeper = new InMemoryZooKeeper({ clock, latencyMs: 1 });
    const [client, other] = [zooKeeper.client({ timeout: 6_000 }), zooKeeper.client({ timeout: 6_000 })];
    const [administrator, owner] = [new ZkLockManager().init(client), new ZkLockManager().init(other)];
    const lock = owner.createLock("stubborn");
    const reasons: string[] = [];
    lock.on("lost", ({ reason }) => reasons.push(reason));
    const acquiring = lock.acquire();
    await clock.advance(200);
    const token = await acquiring;
    for (let lost = 0; lost < (often === "once" ? 1 : 3); lost += 1) zooKeeper.dropReply(client, "delete");
    let answer: boolean | undefined;
    void administrator.forceRelease("stubborn", token).then((released) => (answer = released));
    await clock.advance(5_000);
    expect(answer).toBe(true);
    expect(reasons).toEqual(["ticket-gone"]);
    // That hold is over, and the next one is not touched.
    const again = lock.acquire();
    await clock.advance(200);
    await again;
    void administrator.forceRelease("stubborn", token).then((released) => (answer = released));
    await clock.advance(200);
    expect(answer).toBe(false);
    expect(lock.isHeld).toBe(true);
    zooKeeper.stop();
  },
);

test("a request for release is counted and heard, although its reply is lost and somebody else writes there too", async () => {
  const clock = new VirtualClock();
  const zooKeeper = new InMemoryZooKeeper({ clock, latencyMs: 1 });
  const [client, other] = [zooKeeper.client({ timeout: 6_000 }), zooKeeper.client({ timeout: 6_000 })];
  const lock = new ZkLockManager().init(other).createLock("asked for");
  let heard = 0;
  lock.on("release-requested", () => (heard += 1));
  const acquiring = lock.acquire();
  await clock.advance(200);
  await acquiring;
  const asker = new ZkLockManager().init(client).createLock("asked for");
  let asked: number | undefined;
  zooKeeper.dropReply(client, "any");
  void asker.requestRelease().then((count) => (asked = count));
  await clock.advance(2);
  zooKeeper.set(zooKeeper.tickets()[0]!.path, '{"pid":1}');
  await clock.advance(5_000);
  expect({ asked, heard }).toEqual({ asked: 1, heard: 1 });
  zooKeeper.stop();
});

test("a watch begun while out of touch has its directory made after the reconnect, and tells what comes", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied();
  const suspended = once(manager, "suspended");
  await proxy.close();
  await proxy.cut();
  const watcher = manager.watch(resource);
  setting.later(() => watcher.close());
  const errors: unknown[] = [];
  watcher.on("error", (error) => errors.push(error));
  const locked = once(watcher, "locked");
  await suspended;
  await proxy.reopen();
  await until(() => setting.raw.exists(setting.directory(resource)), { what: "the directory" });
  const lock = (await setting.manager()).createLock(resource);
  const token = await lock.acquire();
  expect(await locked).toMatchObject([{ token }]);
  expect(errors).toEqual([]);
  await lock.release();
});
