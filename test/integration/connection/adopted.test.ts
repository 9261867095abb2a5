import { expect, test } from "@jest/globals";
import type { EventEmitter } from "node:events";
import { InvalidArgumentError, LockError, ZkLockManager, type ZooKeeperClient } from "../../../src/index.js";
import { freePort } from "../../../scripts/lib/free-port.mjs";
import { until } from "../../helpers/until.js";
import { closeClient, journal, rejection, SESSION_MS, useSetting } from "../../helpers/setting.js";
import { ZooKeeper } from "../../helpers/zookeeper-package.js";

const setting = useSetting();

async function lockAndRelease(manager: ZkLockManager): Promise<number> {
  const lock = manager.createLock(setting.resource());
  const token = await lock.acquire({ timeout: 5_000 });
  expect(lock.isHeld).toBe(true);
  await lock.release();
  return token;
}

test("a client that is connected is taken as it is", async () => {
  const client = await setting.connectedClient();
  const manager = setting.adopting(client);
  await lockAndRelease(manager);
  expect(manager.session).toMatchObject({ id: client.client_id, state: "connected", timeoutMs: SESSION_MS });
});

test("a client that is connecting is waited for", async () => {
  const client = setting.client();
  client.init({});
  expect(client.state).not.toBe(3);
  await lockAndRelease(setting.adopting(client));
});

test("a client between two attempts to connect is waited for", async () => {
  const proxy = await setting.proxy();
  await proxy.close();
  const client = setting.client(proxy.connectString);
  client.init({});
  await until(() => client.state === 0, { what: "the first attempt to fail" });
  const manager = setting.adopting(client);
  await proxy.reopen();
  await lockAndRelease(manager);
});

test("a client that is out of touch with its session is waited for", async () => {
  const proxy = await setting.proxy();
  const client = await setting.connectedClient(proxy.connectString, 10_000);
  const session = client.client_id;
  await proxy.close();
  await proxy.cut();
  await until(() => client.state === 0, { what: "the client to be out of touch" });
  const manager = setting.adopting(client);
  await proxy.reopen();
  await lockAndRelease(manager);
  expect(manager.session.id).toBe(session);
});

test("a client that has not been started is started", async () => {
  const client = setting.client();
  const manager = setting.adopting(client);
  await lockAndRelease(manager);
  expect(client.state).toBe(3);
});

test("a client without any configuration is refused, with advice", () => {
  const manager = new ZkLockManager();
  expect(() => manager.init(new ZooKeeper())).toThrow(InvalidArgumentError);
  expect(() => manager.init(new ZooKeeper())).toThrow("configuration");
});

test("a client that was closed is refused", async () => {
  const client = await setting.connectedClient();
  await closeClient(client);
  const manager = new ZkLockManager();
  expect(() => manager.init(client)).toThrow(InvalidArgumentError);
  expect(() => manager.init(client)).toThrow("closed");
  // And the manager takes another one.
  setting.keep(manager).init(await setting.connectedClient());
  await lockAndRelease(manager);
});

test("a second client is refused while the first one lives", async () => {
  const manager = setting.adopting(await setting.connectedClient());
  const second = setting.client();
  expect(() => manager.init(second)).toThrow(InvalidArgumentError);
  expect(second.state).toBe(0);
  await lockAndRelease(manager);
  expect(() => manager.init(second)).toThrow("already");
});

test("a manager that made its own client takes none", async () => {
  const manager = await setting.manager();
  expect(() => manager.init(setting.client())).toThrow(InvalidArgumentError);
});

test("close() gives the locks back, and leaves the client running and without our listeners", async () => {
  const resource = setting.resource();
  const client = await setting.connectedClient();
  const emitter = client as unknown as EventEmitter;
  const before = emitter.eventNames().map((event) => [event, emitter.listenerCount(event)]);
  const manager = setting.adopting(client);
  const lock = manager.createLock(resource, { reentrancy: "none" });
  const heard = journal(lock);
  await lock.acquire();
  const waiting = rejection(lock.acquire());
  await setting.queueOf(resource, 2);
  await manager.close();
  expect(await waiting).toMatchObject({ code: "ERR_MANAGER_CLOSED" });
  expect(heard).toContain("lost: closed");
  expect(await setting.tickets(resource)).toEqual([]);
  expect(client.state).toBe(3);
  expect(emitter.eventNames().map((event) => [event, emitter.listenerCount(event)])).toEqual(before);
  // Its owner goes on using it.
  const answer = await new Promise((resolve) => client.a_get_children2("/", false, resolve));
  expect(answer).toBe(0);
});

test("close() while the connection is down leaves no ticket in the session that lives on", async () => {
  const resource = setting.resource();
  const proxy = await setting.proxy();
  const client = await setting.connectedClient(proxy.connectString, 10_000);
  const manager = setting.adopting(client);
  const lock = manager.createLock(resource);
  const heard = journal(lock);
  await lock.acquire();
  await proxy.close();
  await proxy.cut();
  await until(() => manager.session.state === "suspended", { what: "the manager to be out of touch" });
  const closed = manager.close();
  await until(() => heard.includes("lost: closed"), { what: "the holder to be told" });
  await proxy.reopen();
  await closed;
  await until(() => client.state === 3, { what: "the client to come back" });
  await setting.queueOf(resource, 0);
  expect(client.state).toBe(3);
});

test("close() resolves although the client never connects", async () => {
  const client = setting.client(`127.0.0.1:${await freePort()}`);
  const manager = setting.adopting(client);
  const waiting = rejection(manager.createLock(setting.resource()).acquire());
  const started = performance.now();
  await manager.close();
  expect(performance.now() - started).toBeLessThan(3_000);
  expect(await waiting).toBeInstanceOf(LockError);
  await closeClient(client);
});

test("an acquire on a client that never connects ends by its deadline, or its signal", async () => {
  const client = setting.client(`127.0.0.1:${await freePort()}`);
  const manager = new ZkLockManager({ rootDir: setting.root }).init(client);
  const lock = manager.createLock(setting.resource());
  const started = performance.now();
  const abort = new AbortController();
  const aborted = rejection(lock.acquire({ signal: abort.signal }));
  expect(await rejection(lock.acquire({ timeout: 150 }))).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT" });
  expect(performance.now() - started).toBeLessThan(1_000);
  abort.abort("enough");
  expect(await aborted).toBe("enough");
  // Its owner gives it up.
  await closeClient(client);
  expect(await rejection(lock.acquire())).toMatchObject({ code: "ERR_SESSION_LOST", reason: "not-connected" });
  await manager.close();
});

test("the owner closes the client: what is held is lost, what waits is rejected, and a fresh client goes on", async () => {
  const [resource, other] = [setting.resource(), setting.resource()];
  const stranger = (await setting.manager()).createLock(other);
  await stranger.acquire();
  const client = await setting.connectedClient();
  const manager = setting.adopting(client);
  const [lock, waiter] = [manager.createLock(resource), manager.createLock(other)];
  const heard = journal(lock);
  const token = await lock.acquire();
  const waiting = rejection(waiter.acquire());
  await setting.queueOf(other, 2);

  await closeClient(client);
  expect(await waiting).toMatchObject({ code: "ERR_SESSION_LOST", reason: "expired", resource: other });
  await until(() => heard.length > 1, { what: "the loss" });
  expect(heard).toEqual(["acquired", "lost: session-expired"]);
  expect(lock.isHeld).toBe(false);
  expect(manager.session.state).toBe("lost");
  const refused = await rejection(lock.acquire());
  expect(refused).toMatchObject({ code: "ERR_SESSION_LOST", reason: "not-connected" });
  expect(refused.message).toContain("init");

  manager.init(await setting.connectedClient());
  expect(await lock.acquire()).toBeGreaterThan(token);
  await lock.release();
  await stranger.release();
});

test("a cut connection suspends the hold, and the client's own reconnect resumes it", async () => {
  const resource = setting.resource();
  const proxy = await setting.proxy();
  const client = await setting.connectedClient(proxy.connectString);
  const lock = setting.adopting(client).createLock(resource);
  const heard = journal(lock);
  const token = await lock.acquire();
  await proxy.cut();
  await until(() => heard.includes("resumed"), { what: "the hold to be resumed" });
  expect(heard).toEqual(["acquired", "suspended", "resumed"]);
  expect(lock.token).toBe(token);
  expect(await lock.renew()).toBe(token);
  await lock.release();
});

test("a client serves one manager at a time: the next is refused until the first is closed", async () => {
  const client = await setting.connectedClient();
  const one = setting.adopting(client);
  const other = setting.keep(new ZkLockManager({ rootDir: setting.root }));
  expect(() => other.init(client)).toThrow(InvalidArgumentError);
  expect(() => other.init(client)).toThrow("share it");
  await lockAndRelease(one);
  await one.close();
  other.init(client);
  await lockAndRelease(other);
  expect(() => new ZkLockManager().init(client)).toThrow(InvalidArgumentError);
});

test("a client that has not connected yet is in use too, until the manager is closed", async () => {
  const client = setting.client(`127.0.0.1:${await freePort()}`);
  const one = setting.adopting(client);
  const other = setting.keep(new ZkLockManager({ rootDir: setting.root }));
  expect(() => other.init(client)).toThrow(InvalidArgumentError);
  await one.close();
  other.init(client);
});

test("a client that is refused is not in use", () => {
  const client = new ZooKeeper();
  expect(() => new ZkLockManager().init(client)).toThrow("configuration");
  expect(() => new ZkLockManager().init(client)).toThrow("configuration");
});

test("a client whose session has ended is refused for that, and not as somebody's", async () => {
  const client = setting.client();
  const manager = setting.adopting(client);
  await lockAndRelease(manager);
  await closeClient(client);
  await until(() => manager.session.state === "lost", { what: "the session to end" });
  expect(() => new ZkLockManager().init(client)).toThrow("closed");
});

test("eleven managers, one after the other, leave a client without a listener of theirs, and without a warning", async () => {
  const client = await setting.connectedClient();
  const emitter = client as unknown as EventEmitter;
  const count = () => emitter.eventNames().reduce((sum, event) => sum + emitter.listenerCount(event), 0);
  const before = count();
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on("warning", onWarning);
  for (let time = 0; time < 11; time += 1) {
    const manager = setting.adopting(client);
    await lockAndRelease(manager);
    for (const event of emitter.eventNames()) expect(emitter.listenerCount(event)).toBeLessThanOrEqual(2);
    await manager.close();
    expect(count()).toBe(before);
  }
  process.removeListener("warning", onWarning);
  expect(warnings).toEqual([]);
});

test("a client's shape is enough", () => {
  const shape: Partial<ZooKeeperClient> = { state: 0, client_id: "0" };
  expect(() => new ZkLockManager().init(shape as ZooKeeperClient)).toThrow(InvalidArgumentError);
});
