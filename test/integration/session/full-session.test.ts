import { expect, test } from "@jest/globals";
import { SessionFullError, type ZkLock, ZkLockManager } from "../../../src/index.js";
import { InMemoryZooKeeper, VirtualClock } from "../../../src/testing/index.js";
import { RawClient } from "../../helpers/raw-client.js";
import { until } from "../../helpers/until.js";
import { canStartServers, startServer } from "../../helpers/zookeeper-server.js";
import type { PackageClient } from "../../../src/zookeeper/client/client.js";
import { ZooKeeper } from "../../helpers/zookeeper-package.js";
import { closeClient, rejection, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

/** What the tickets of a session may have in all, in bytes. */
const LIMIT = 900_000;
/** Long names fill a session with few tickets. */
const NAME_LENGTH = 500;
const LONG_MS = 30_000;
const name = (number: number): string => `${number}-`.padEnd(NAME_LENGTH, "x");

/** Ends a session from elsewhere: takes it over with its credentials, and closes it. */
async function endSessionOf({ client_id, client_password }: PackageClient, connect: string): Promise<void> {
  const executor = new ZooKeeper({ connect, timeout: LONG_MS, debug_level: 0, client_id, client_password });
  executor.init({});
  await until(() => executor.state === 3, { what: "the session to be taken over" });
  await closeClient(executor);
}

/** Takes locks one after the other until one is refused. */
async function fill(manager: ZkLockManager): Promise<{ held: ZkLock[]; refused: ZkLock; error: unknown }> {
  const held: ZkLock[] = [];
  for (;;) {
    const lock = manager.createLock(name(held.length));
    try {
      await lock.acquire();
      held.push(lock);
    } catch (error) {
      return { held, refused: lock, error };
    }
  }
}

(canStartServers() ? test : test.skip)(
  "a session with as many tickets as it may have: more are refused, and its end is one that the server can read back",
  async () => {
    // A server of its own, and a fresh one: it may not come back.
    const server = await startServer();
    setting.later(() => server.stop());
    const raw = await RawClient.connect(server.connectString, 30_000);
    setting.later(() => raw.close());
    const chroot = `/${"c".repeat(300)}`;
    await raw.mkdirp(chroot);
    // Of a lone address the client would try again only after a third of the timeout.
    const proxy = await setting.proxy(server.connectString);
    const connect = Array.from({ length: 3 }, () => proxy.connectString).join(",") + chroot;
    const client = new ZooKeeper({ connect, timeout: LONG_MS, debug_level: 0 });
    setting.later(() => closeClient(client));
    const manager = setting.adopting(client);
    const other = await setting.manager({ sessionTimeout: LONG_MS }, server.connectString + chroot);
    const { held, refused, error } = await fill(manager);
    expect(error).toBeInstanceOf(SessionFullError);
    expect(error).toMatchObject({ name: "SessionFullError", code: "ERR_SESSION_FULL", resource: refused.resource });
    expect((error as Error).message).toContain(`${held.length} tickets`);
    const directory = (lock: ZkLock) => `${chroot}${setting.root}/${lock.resource}`;
    let bytes = 0;
    for (const lock of held) {
      const [ticket] = await raw.children(directory(lock));
      bytes += Buffer.byteLength(`${directory(lock)}/${ticket!}`) + 4;
    }
    expect(bytes).toBeLessThanOrEqual(LIMIT);
    expect(bytes + bytes / held.length).toBeGreaterThan(LIMIT - 10);
    expect(await raw.children(directory(refused))).toEqual([]);

    // Another manager has a session of its own, and a lock that is given back makes room.
    const elsewhere = other.createLock(refused.resource);
    await elsewhere.acquire();
    await elsewhere.release();
    await held[0]!.release();
    await refused.acquire();
    expect(await rejection(held[0]!.acquire())).toBeInstanceOf(SessionFullError);

    // The session is ended from elsewhere, with all that it has; then the server starts from its log.
    for (const lock of [...held, refused]) lock.on("lost", () => undefined);
    // Out of touch meanwhile, or the client would take its session back before it is ended.
    await proxy.close();
    await proxy.cut();
    await endSessionOf(client, server.connectString);
    await proxy.reopen();
    await until(() => !refused.isHeld, { what: "the loss" });
    expect(await raw.children(directory(refused))).toEqual([]);
    await server.kill();
    await server.start();
    // A process of its own: the native clients of this one may not find back, once one of theirs was taken over and ended.
    const after = await setting.holder({ sessionTimeout: LONG_MS }, server.connectString + chroot);
    await after.call("acquire", refused.resource);
    await after.call("release", refused.resource);
  },
  120_000,
);

test("the in-memory servers survive a session that is full, and the session its own end", async () => {
  const clock = new VirtualClock();
  const zk = new InMemoryZooKeeper({ clock });
  const client = zk.client();
  const manager = new ZkLockManager().init(client);
  manager.on("error", () => undefined);
  const filled = fill(manager);
  await clock.advance(1_000);
  const { held, error } = await filled;
  expect(error).toBeInstanceOf(SessionFullError);
  expect(zk.tickets()).toHaveLength(held.length);
  for (const lock of held) lock.on("lost", () => undefined);
  zk.expire(client);
  await clock.advance(1_000);
  expect([zk.tickets(), zk.hazards, held[0]!.isHeld]).toEqual([[], [], false]);
  const closing = manager.close();
  await clock.advance(10);
  await closing;
});
