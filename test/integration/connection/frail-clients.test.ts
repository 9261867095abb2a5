import { expect, test } from "@jest/globals";
import type { ZkLockManager } from "../../../src/index.js";
import type { ClientConfig, PackageClient } from "../../../src/zookeeper/client/client.js";
import type { TcpProxy } from "../../helpers/tcp-proxy.js";
import { until } from "../../helpers/until.js";
import { ZooKeeper } from "../../helpers/zookeeper-package.js";
import { closeClient, rejection, timeoutOf, useSetting } from "../../helpers/setting.js";

/** What a TCP segment carries at the least. */
const SEGMENT_BYTES = 536;
const TICKETS = 600;

const setting = useSetting();

/** As the client's README makes one: nothing is said of how many partial replies it bears, so it is ten. */
function plainClient(connect: string, config: ClientConfig = {}): PackageClient {
  const client = new ZooKeeper({
    connect,
    timeout: 10_000,
    debug_level: 0,
    host_order_deterministic: false,
    ...config,
  });
  setting.later(() => closeClient(client));
  return client;
}

async function started(client: PackageClient): Promise<PackageClient> {
  client.init(client.config ?? {});
  await until(() => client.state === 3, { what: "the client to connect" });
  return client;
}

/** A network that delivers replies by the segment. */
async function slowNetwork(): Promise<TcpProxy> {
  const proxy = await setting.proxy();
  await proxy.chunk(SEGMENT_BYTES);
  return proxy;
}

/** A resource with so many tickets in its queue, of nobody who lives. */
async function crowded(tickets = TICKETS): Promise<{ resource: string; leave: () => Promise<void> }> {
  const resource = setting.resource();
  const directory = setting.directory(resource);
  await setting.raw.mkdirp(directory);
  const names = Array.from(
    { length: tickets },
    (_, number) => `${String(number).padStart(24, "0")}-lock-${String(number).padStart(10, "0")}`,
  );
  await Promise.all(names.map((name) => setting.raw.create(`${directory}/${name}`)));
  const leave = async () => {
    await Promise.all(names.map((name) => setting.raw.delete(`${directory}/${name}`)));
  };
  return { resource, leave };
}

/** Looks at the queue in each way there is, and leaves it again; what is held meanwhile stays held. */
async function lookAt(manager: ZkLockManager, resource: string): Promise<void> {
  const held = manager.createLock(setting.resource());
  const token = await held.acquire();
  const session = manager.session.id;
  const lock = manager.createLock(resource);
  expect(await timeoutOf(lock, 1_500)).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT", ahead: TICKETS });
  expect(await lock.tryAcquire()).toBeNull();
  const { holders, waiters } = await manager.inspect(resource);
  expect([holders.length, waiters.length]).toEqual([1, TICKETS - 1]);
  expect(manager.session).toMatchObject({ id: session, state: "connected" });
  expect(held.token).toBe(token);
  expect(await held.renew()).toBe(token);
  await held.release();
}

test("a client that is connected, with the defaults: a long queue that arrives in segments costs it no hold", async () => {
  const { connectString } = await slowNetwork();
  const { resource } = await crowded();
  const client = await started(plainClient(connectString));
  await lookAt(setting.adopting(client), resource);
  expect(client.state).toBe(3);
});

test("a client that is not started yet bears a long queue itself", async () => {
  const { connectString } = await slowNetwork();
  const { resource } = await crowded();
  const config = { connect: connectString, timeout: 10_000, debug_level: 0 };
  const client = new ZooKeeper(config);
  setting.later(() => closeClient(client));
  await lookAt(setting.adopting(client), resource);
  expect(client.config?.connect).toBe(connectString);
  // What its owner gave it is left as it was.
  expect(config).toEqual({ connect: connectString, timeout: 10_000, debug_level: 0 });
});

test("a client whose owner raised the limit bears a long queue itself", async () => {
  const proxy = await slowNetwork();
  const { resource } = await crowded();
  const client = await started(plainClient(proxy.connectString, { response_counter_limit: 2 ** 31 - 1 }));
  await lookAt(setting.adopting(client), resource);
  expect(await proxy.connections()).toBe(1);
});

test("a watcher of a long queue sees who comes and goes", async () => {
  const { connectString } = await slowNetwork();
  const { resource, leave } = await crowded();
  const client = await started(plainClient(connectString));
  const manager = setting.adopting(client);
  const seen: string[] = [];
  const watcher = manager.watch(resource);
  setting.later(() => watcher.close());
  watcher.on("event", ({ type }) => seen.push(type));
  await until(() => seen.includes("locked"), { what: "the first holder to be seen" });
  const waiting = manager.createLock(resource).acquire();
  await setting.queueOf(resource, TICKETS + 1);
  await leave();
  expect(await waiting).toEqual(expect.any(Number));
  await setting.raw.delete(`${setting.directory(resource)}/${(await setting.tickets(resource))[0]!}`);
  await until(() => seen.at(-1) === "unlocked", { what: "the queue to be seen empty" });
  setting.errors.length = 0;
  expect(client.state).toBe(3);
});

test("the second connection is cut: it is made again, and whoever watched through it looks again", async () => {
  const proxy = await slowNetwork();
  const { resource, leave } = await crowded();
  const client = await started(plainClient(proxy.connectString));
  const manager = setting.adopting(client);
  const semaphore = manager.createSemaphore(resource, { maxConcurrentHolders: 2 });
  const waiting = semaphore.acquire();
  await until(async () => (await proxy.connections()) === 2, { what: "the second connection" });
  await setting.queueOf(resource, TICKETS + 1);
  await proxy.cut();
  await until(() => manager.session.state === "connected" && client.state === 3, { what: "the client to come back" });
  await leave();
  expect(await waiting).toEqual(expect.any(Number));
  await semaphore.release();
  await manager.close();
  await until(async () => (await proxy.connections()) <= 1, { what: "the second connection to be closed" });
});

test("a client that was started with options of its own, which it does not tell: an error, and no hold is lost", async () => {
  const { connectString } = await slowNetwork();
  const { resource } = await crowded();
  const client = new ZooKeeper();
  setting.later(() => closeClient(client));
  client.init({ connect: connectString, timeout: 10_000, debug_level: 0 });
  await until(() => client.state === 3, { what: "the client to connect" });
  const manager = setting.adopting(client);
  const held = manager.createLock(setting.resource());
  const token = await held.acquire();
  const error = await rejection(manager.createLock(resource).acquire());
  expect(error).toMatchObject({ name: "LockError" });
  expect(error.message).toContain("response_counter_limit");
  expect(await setting.tickets(resource)).toHaveLength(TICKETS);
  expect(await held.renew()).toBe(token);
  await held.release();
});
