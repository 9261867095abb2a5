import { afterEach, expect, test } from "@jest/globals";
import { type ConnectOptions, ZkLockManager } from "../../../src/index.js";
import { systemClock } from "../../../src/common/clock.js";
import { type EmbeddedServer, InMemoryZooKeeper, VirtualClock } from "../../../src/testing/index.js";
import { operations } from "../../../src/zookeeper/wire/operations.js";
import { WireConnection, type WireOptions } from "../../../src/zookeeper/wire/wire-connection.js";
import { until } from "../../helpers/until.js";

const TICK_MS = 200;
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function embedded(): Promise<{ zookeeper: InMemoryZooKeeper; server: EmbeddedServer }> {
  const zookeeper = new InMemoryZooKeeper({ tickTimeMs: TICK_MS });
  const server = await zookeeper.listen();
  cleanUps.push(async () => {
    await server.close();
    zookeeper.stop();
  });
  return { zookeeper, server };
}

async function managerOn(server: EmbeddedServer, options: ConnectOptions = {}): Promise<ZkLockManager> {
  const manager = await ZkLockManager.connect(server.connectString, { sessionTimeout: 3_000, ...options });
  cleanUps.push(() => manager.close());
  return manager;
}

/** A bare connection, established. */
async function connectionTo(server: EmbeddedServer, options: Partial<WireOptions> = {}): Promise<WireConnection> {
  const connection = new WireConnection({
    host: "127.0.0.1",
    port: server.port,
    sessionTimeoutMs: 1_000,
    connectTimeoutMs: 2_000,
    clock: systemClock,
    ...options,
  });
  cleanUps.push(() => connection.abandon());
  await new Promise<void>((resolve, reject) => {
    connection.once("established", () => resolve()).once("closed", reject);
  });
  return connection;
}

function ask<Request, Reply>(
  connection: WireConnection,
  operation: Parameters<typeof connection.request<Request, Reply>>[0],
  request: Request,
): Promise<{ code: number; value: Reply | null }> {
  return new Promise((resolve) => {
    connection.request(operation, request, (code, value) => resolve({ code, value }));
  });
}

const OPEN = [{ permissions: 31, scheme: "world", id: "anyone" }];
const node = (path: string, data = ""): { path: string; data: Buffer; acl: typeof OPEN; flags: number } => ({
  path,
  data: Buffer.from(data),
  acl: OPEN,
  flags: 0,
});

test("two managers lock on it: one at a time, tokens rising", async () => {
  const { server } = await embedded();
  const managers = await Promise.all([managerOn(server), managerOn(server)]);
  const tokens: number[] = [];
  let inside = 0;
  const round = async (manager: ZkLockManager): Promise<void> => {
    await manager.createLock("r", { reentrancy: "none" }).using(async (hold) => {
      expect((inside += 1)).toBe(1);
      tokens.push(hold.token);
      await Promise.resolve();
      inside -= 1;
    });
  };
  await Promise.all(Array.from({ length: 20 }, (_, index) => round(managers[index % 2]!)));
  expect(tokens).toHaveLength(20);
  expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
});

test("readers share, writers do not, and a semaphore counts", async () => {
  const { server } = await embedded();
  const [one, two] = await Promise.all([managerOn(server), managerOn(server)]);
  const [reader, otherReader] = [one.createReadWriteLock("rw").read, two.createReadWriteLock("rw").read];
  await reader.acquire();
  await otherReader.acquire();
  await otherReader.release();
  expect(await two.createReadWriteLock("rw").write.tryAcquire()).toBeNull();
  await reader.release();
  const semaphores = [one, two, one].map((manager) =>
    manager.createSemaphore("s", { maxConcurrentHolders: 2, reentrancy: "none" }),
  );
  const holds = [
    await semaphores[0]!.tryAcquire(),
    await semaphores[1]!.tryAcquire(),
    await semaphores[2]!.tryAcquire(),
  ];
  expect(holds.map((hold) => hold !== null)).toEqual([true, true, false]);
  await Promise.all([semaphores[0]!.release(), semaphores[1]!.release()]);
});

test("a manager with `auth` makes directories that others do not get into", async () => {
  const { server } = await embedded();
  const ours = await managerOn(server, { auth: { scheme: "digest", credentials: "we:secret" } });
  await ours.createLock("private").using(() => undefined);
  const stranger = await managerOn(server);
  await expect(stranger.createLock("private").acquire({ timeout: 1_000 })).rejects.toThrow();
});

test("a manager goes on in its session when connections are dropped", async () => {
  const { server } = await embedded();
  const manager = await managerOn(server);
  const lock = manager.createLock("r");
  await lock.acquire();
  const { id } = manager.session;
  server.dropConnections();
  await until(() => manager.session.state === "connected" && lock.isHeld, { what: "the manager to be back" });
  expect(manager.session.id).toBe(id);
  await lock.release();
});

test("a manager loses what it holds while the server is paused, and finds a new session afterwards", async () => {
  const { server, zookeeper } = await embedded();
  const manager = await managerOn(server, { sessionTimeout: 1_000 });
  const lock = manager.createLock("r");
  await lock.acquire();
  const { id } = manager.session;
  server.pause();
  await until(() => !lock.isHeld, { what: "the hold to be lost" });
  await until(() => zookeeper.sessions().length === 0, { what: "the session to run out" });
  server.resume();
  await lock.release().catch(() => undefined);
  await until(() => manager.session.state === "connected" && manager.session.id !== id, { what: "a new session" });
  await lock.using(() => undefined);
});

test("a session is resumed with its password only, and is gone after its timeout", async () => {
  const { server, zookeeper } = await embedded();
  const first = new WireConnection({
    host: "127.0.0.1",
    port: server.port,
    sessionTimeoutMs: 1_000,
    connectTimeoutMs: 2_000,
    clock: systemClock,
  });
  const key = await new Promise<{ id: bigint; password: Buffer }>((resolve) => first.once("established", resolve));
  await ask(first, operations.create, { ...node("/mine"), flags: 1 });
  first.abandon();
  await expect(connectionTo(server, { resume: { ...key, password: Buffer.alloc(16, 1) } })).rejects.toThrow("over");
  const second = await connectionTo(server, { resume: key });
  expect((await ask(second, operations.exists, { path: "/mine", watch: false })).code).toBe(0);
  second.abandon();
  await until(() => zookeeper.sessions().length === 0, { what: "the session to run out" });
  expect(zookeeper.dump("/mine")).toEqual([]);
  await expect(connectionTo(server, { resume: key })).rejects.toThrow("over");
});

test("a close is answered, and ends the session", async () => {
  const { server, zookeeper } = await embedded();
  const connection = await connectionTo(server);
  const { code } = await ask(connection, operations.closeSession, null);
  expect(code).toBe(0);
  expect(zookeeper.sessions()).toEqual([]);
});

test("a multi happens in one transaction, and its parts see those before them", async () => {
  const { server } = await embedded();
  const connection = await connectionTo(server);
  const { code, value } = await ask(connection, operations.multi, [
    { operation: 1, request: node("/a") },
    { operation: 15, request: { ...node("/a/b-", "1"), flags: 2 } },
    { operation: 5, request: { path: "/a", data: Buffer.from("2"), version: 0 } },
    { operation: 13, request: { path: "/a", version: 1 } },
    { operation: 2, request: { path: "/a/b-0000000000", version: 0 } },
  ]);
  expect(code).toBe(0);
  expect(value).toMatchObject([
    { operation: 1, path: "/a" },
    { operation: 15, path: "/a/b-0000000000", stat: { version: 0, dataLength: 1 } },
    { operation: 5, stat: { version: 1, numChildren: 1, dataLength: 1 } },
    { operation: 13, code: 0 },
    { operation: 2, code: 0 },
  ]);
  const a = await ask(connection, operations.getData, { path: "/a", watch: false });
  expect(a.value?.data?.toString()).toBe("2");
  expect(a.value?.stat).toMatchObject({ numChildren: 0, cversion: 2 });
  expect(a.value?.stat.mzxid).toBe(a.value?.stat.czxid);
});

test("of a multi with a part that is refused, nothing happens", async () => {
  const { server, zookeeper } = await embedded();
  const connection = await connectionTo(server);
  const { code, value } = await ask(connection, operations.multi, [
    { operation: 1, request: node("/a") },
    { operation: 13, request: { path: "/a", version: 7 } },
    { operation: 1, request: node("/b") },
  ]);
  expect(code).toBe(0);
  expect(value).toEqual([
    { operation: -1, code: 0 },
    { operation: -1, code: -103 },
    { operation: -1, code: -2 },
  ]);
  expect(zookeeper.dump("/a")).toEqual([]);
});

test("an ACL given with a create holds from the first moment", async () => {
  const { server } = await embedded();
  const [owner, stranger] = await Promise.all([connectionTo(server), connectionTo(server)]);
  owner.authenticate("digest", Buffer.from("we:secret"), () => undefined);
  const acl = [{ permissions: 31, scheme: "auth", id: "" }];
  expect((await ask(owner, operations.create, { ...node("/closed"), acl })).code).toBe(0);
  expect((await ask(stranger, operations.getData, { path: "/closed", watch: false })).code).toBe(-102);
  expect((await ask(owner, operations.getData, { path: "/closed", watch: false })).code).toBe(0);
  expect((await ask(stranger, operations.create, { ...node("/bad"), acl })).code).toBe(-114);
});

test("a watch is told once, and not at all once it is removed", async () => {
  const { server } = await embedded();
  const connection = await connectionTo(server);
  const events: string[] = [];
  connection.on("nodeEvent", (kind, path) => events.push(`${kind} ${path}`));
  await ask(connection, operations.exists, { path: "/a", watch: true });
  await ask(connection, operations.exists, { path: "/b", watch: true });
  const removal = { path: "/b", kind: 2 };
  expect((await ask(connection, operations.removeWatches, removal)).code).toBe(0);
  expect((await ask(connection, operations.removeWatches, removal)).code).toBe(-121);
  for (const path of ["/a", "/b"]) await ask(connection, operations.create, node(path));
  await ask(connection, operations.delete, { path: "/a", version: -1 });
  expect(events).toEqual(["created /a"]);
});

test("a virtual clock is refused", async () => {
  await expect(new InMemoryZooKeeper({ clock: new VirtualClock() }).listen()).rejects.toThrow("machine's clock");
});

test("what is stored outlives the sockets", async () => {
  const { server, zookeeper } = await embedded();
  zookeeper.create("/kept");
  await server.close();
  const again = await zookeeper.listen();
  cleanUps.push(() => again.close());
  const connection = await connectionTo(again);
  expect((await ask(connection, operations.exists, { path: "/kept", watch: false })).code).toBe(0);
});
