import { expect, test } from "@jest/globals";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { PackageClient } from "../../../src/zookeeper/client/client.js";
import { until } from "../../helpers/until.js";
import { canStartServers, startServer } from "../../helpers/zookeeper-server.js";
import { closeClient, journal, rejection, SERVER, useSetting } from "../../helpers/setting.js";
import { ZooKeeper } from "../../helpers/zookeeper-package.js";

const setting = useSetting();

/** Far longer than any of these tests: whatever is lost here is not lost for the lease's end. */
const LONG_MS = 30_000;

/** Ends a session from elsewhere: takes it over with its credentials, and closes it. */
async function endSessionOf(client: PackageClient): Promise<void> {
  const executor = new ZooKeeper({
    connect: SERVER,
    timeout: LONG_MS,
    debug_level: 0,
    client_id: client.client_id,
    client_password: client.client_password,
  });
  executor.init({});
  await until(() => executor.state === 3, { what: "the session to be taken over" });
  await closeClient(executor);
}

test("the session is ended by somebody else: what is held is lost and what waits is rejected at once, with the lease still running", async () => {
  const [resource, other] = [setting.resource(), setting.resource()];
  const stranger = (await setting.manager()).createLock(other);
  await stranger.acquire();
  const proxy = await setting.proxy();
  const client = await setting.connectedClient(proxy.connectString, LONG_MS);
  const manager = setting.adopting(client);
  const [lock, waiter] = [manager.createLock(resource), manager.createLock(other)];
  const heard = journal(lock);
  const token = await lock.acquire();
  const { signal } = lock;
  const waiting = rejection(waiter.acquire());
  await setting.queueOf(other, 2);

  // The client must not take its session back before it is over.
  await proxy.pause("toServer");
  await endSessionOf(client);
  const next = (await setting.manager()).createLock(resource);
  expect(await next.acquire({ timeout: 2_000 })).toBeGreaterThan(token);
  expect(manager.session.leaseMs).toBeGreaterThan(LONG_MS / 3);
  await proxy.resume();
  const toldAt = performance.now();
  expect(await waiting).toMatchObject({ code: "ERR_SESSION_LOST", resource: other });
  await until(() => heard.length === 3, { what: "the loss" });
  expect(performance.now() - toldAt).toBeLessThan(2_000);
  expect(heard).toEqual(["acquired", "suspended", "lost: session-expired"]);
  expect({ isHeld: lock.isHeld, token: lock.token, leaseMs: manager.session.leaseMs }).toEqual({
    isHeld: false,
    token: null,
    leaseMs: 0,
  });
  expect(signal.reason).toMatchObject({ code: "ERR_LOCK_LOST", reason: "session-expired" });
  expect(await setting.tickets(other)).toHaveLength(1);
  await next.release();
  await stranger.release();
});

(canStartServers() ? test : test.skip)(
  "a server that comes back without its data: lost with 'session-expired', and the manager goes on in a new session",
  async () => {
    const server = await startServer();
    setting.later(() => server.stop());
    const manager = await setting.manager({ sessionTimeout: LONG_MS }, server.connectString);
    const session = manager.session.id;
    const lock = manager.createLock(setting.resource());
    const heard = journal(lock);
    await lock.acquire();
    await server.kill();
    rmSync(join(server.directory, "data", "version-2"), { recursive: true });
    await server.start();
    await until(() => heard.length === 3, { what: "the loss", timeoutMs: LONG_MS / 2 });
    expect(heard).toEqual(["acquired", "suspended", "lost: session-expired"]);
    await rejection(lock.release());
    expect(await lock.acquire()).toEqual(expect.any(Number));
    expect(manager.session.id).not.toBe(session);
    expect(await lock.release()).toBe(true);
  },
  60_000,
);

test.each([
  ["one address", 1, "", setting.root],
  ["two addresses and a chroot", 2, setting.root, "/locks"],
])(
  "a client of %s meets a dead socket: the manager goes on with one of its own, in the same session, and says so",
  async (_, addresses, chroot, rootDir) => {
    const resource = setting.resource();
    const proxy = await setting.proxy();
    await setting.raw.mkdirp(setting.root);
    const connect = Array.from({ length: addresses }, () => proxy.connectString).join(",") + chroot;
    const client = new ZooKeeper({ connect, timeout: LONG_MS, debug_level: 0 });
    setting.later(() => closeClient(client));
    const manager = setting.adopting(client, { rootDir });
    const replacements: string[] = [];
    manager.on("replaced", () => replacements.push(manager.session.id));
    const lock = manager.createLock(resource);
    const heard = journal(lock);
    const token = await lock.acquire();
    const session = manager.session.id;

    // In the turn of an event of another socket: what is sent at its end meets a reset that nobody has looked at yet.
    await setting.raw.exists("/");
    const cut = proxy.cut();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    const renewed = lock.renew();
    await cut;
    expect(await renewed).toBe(token);
    await until(() => replacements.length > 0, { what: "the replacement to be told" });
    expect(replacements).toEqual([session]);
    expect(heard).toEqual(["acquired", "suspended", "resumed"]);
    expect(await proxy.connections()).toBe(1);
    // From now on it comes back as quickly as any of ours.
    const resumed = new Promise<void>((resolve) => lock.once("resumed", () => resolve()));
    await proxy.cut();
    await resumed;
    expect(lock.token).toBe(token);
    await lock.release();
    expect(await setting.raw.children(`${chroot}${rootDir}/${resource}`)).toEqual([]);
    await manager.close();
    // The session was the client's, and so it is the manager's now: it ends with it.
    await until(async () => (await proxy.connections()) === 0, { what: "the last connection to end" });
  },
);
