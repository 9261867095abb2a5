import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { hostname } from "node:os";
import { ConnectError, InvalidArgumentError, type Locator, ZkLockManager } from "../../../src/index.js";
import { freePort } from "../../../scripts/lib/free-port.mjs";
import { startWorker, type WorkerProcess } from "../../helpers/processes.js";
import { until } from "../../helpers/until.js";
import { rejection, SERVER, SESSION_MS, useSetting } from "../../helpers/setting.js";
import type { api } from "./workers/odd-servers.js";

const CONNECT_TIMEOUT_MS = 700;

// Above the setting: what the whole file shares is no leak of its tests.
let odd: WorkerProcess<typeof api>;
beforeAll(async () => {
  odd = await startWorker(new URL("workers/odd-servers.ts", import.meta.url));
});
afterAll(() => odd.kill());
const setting = useSetting();

const port = Number(SERVER.split(":").at(-1));
const NO_SERVERS: Record<string, () => Promise<string>> = {
  "a port that nobody listens on": async () => `127.0.0.1:${await freePort()}`,
  "a port that accepts and says nothing": () => odd.call("silent"),
  "a port that closes at once": () => odd.call("rude"),
  "a name that does not resolve": () => Promise.resolve("no-such-host.invalid:2181"),
  "two addresses, neither of them any good": async () => `127.0.0.1:${await freePort()},no-such-host.invalid`,
};

test.each(Object.keys(NO_SERVERS))("%s: ConnectError within connectTimeout, that names the address", async (kind) => {
  const servers = await NO_SERVERS[kind]!();
  const started = performance.now();
  const error = await rejection(ZkLockManager.connect(servers, { connectTimeout: CONNECT_TIMEOUT_MS }));
  const took = performance.now() - started;
  expect(error).toBeInstanceOf(ConnectError);
  expect(error).toMatchObject({ name: "ConnectError", code: "ERR_CONNECT" });
  expect(error.message).toContain(servers);
  expect(took).toBeLessThan(CONNECT_TIMEOUT_MS + 1_500);
});

/** What the error says, and the code of its cause. */
const REASONS: Record<string, [where: () => Promise<string>, says: string, code: RegExp]> = {
  "a port that nobody listens on": [async () => `127.0.0.1:${await freePort()}`, "refuses", /^ECONNREFUSED$/],
  "the same, of IPv6": [async () => `[::1]:${await freePort()}`, "refuses", /^(ECONNREFUSED|EADDRNOTAVAIL)$/],
  "a port that accepts and says nothing": [() => odd.call("silent"), "does not answer", /^ETIMEDOUT$/],
  "a port that closes at once": [() => odd.call("rude"), "quorum", /^ECONNRESET$/],
  "a name that does not resolve": [() => Promise.resolve("no-such-host.invalid:2181"), "does not resolve", /^E/],
};

test.each(Object.keys(REASONS))("%s: the error says so, and has the cause", async (kind) => {
  const [where, says, code] = REASONS[kind]!;
  const servers = await where();
  const error = await rejection(ZkLockManager.connect(servers, { connectTimeout: 1_500 }));
  expect(error).toMatchObject({ code: "ERR_CONNECT", cause: { code: expect.stringMatching(code) } });
  expect(error.message).toContain(`at ${servers} within 1500 ms. `);
  expect(error.message).toContain(says);
  expect(error.message).not.toContain((error.cause as Error).message);
});

test.each([
  ["HTTP", "http"],
  ["TLS", "tls"],
  ["something else", "garbled"],
] as const)("a port that speaks %s is no ZooKeeper, and no waiting helps", async (says, kind) => {
  const servers = await odd.call(kind);
  const started = performance.now();
  const error = await rejection(ZkLockManager.connect(servers, { connectTimeout: 20_000 }));
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(error).toMatchObject({ code: "ERR_CONNECT" });
  expect(error.message).toContain(servers);
  expect(error.message).toContain("is no ZooKeeper");
  if (kind !== "garbled") expect(error.message).toContain(says);
});

test("two servers, each with a reason of its own: both are told", async () => {
  const [refused, silent] = [`127.0.0.1:${await freePort()}`, await odd.call("silent")];
  const connecting = ZkLockManager.connect(`${refused},${silent}`, { connectTimeout: 2_000 });
  const { message } = await rejection(connecting);
  expect(message).toContain(`${refused} refuses`);
  expect(message).toContain(`${silent} takes connections`);
});

test.each([undefined, null, 2181, ["127.0.0.1:2181"], { host: "127.0.0.1", port: 2181 }])(
  "connect(%j): InvalidArgumentError at once",
  async (servers) => {
    const error = await rejection(ZkLockManager.connect(servers as never));
    expect(error).toBeInstanceOf(InvalidArgumentError);
  },
);

test.each<[string, unknown]>([
  ["a number", 5],
  ["nothing", undefined],
  ["text that is none", "a,,b"],
  ["an address without a port", { host: "127.0.0.1" }],
  ["a list of text", [SERVER]],
])("a locator that gives %s: InvalidArgumentError at once", async (_, located) => {
  const started = performance.now();
  const error = await rejection(ZkLockManager.connect(() => Promise.resolve(located as never)));
  expect(error).toBeInstanceOf(InvalidArgumentError);
  expect(performance.now() - started).toBeLessThan(1_000);
});

test("a chroot that does not exist is told at once, and not made", async () => {
  const servers = `${SERVER}${setting.root}/missing`;
  const error = await rejection(ZkLockManager.connect(servers));
  expect(error).toBeInstanceOf(ConnectError);
  expect(error.message).toContain(`${setting.root}/missing does not exist`);
  expect(await setting.raw.exists(`${setting.root}/missing`)).toBe(false);
});

test("a chroot that does not exist, of a client that was handed over: its acquires say so", async () => {
  const client = setting.client();
  client.config!.connect = `${SERVER}${setting.root}/missing`;
  const error = await rejection(setting.adopting(client).createLock("r").acquire({ timeout: 5_000 }));
  expect(error).toMatchObject({ code: "ERR_SESSION_LOST" });
  expect(error.message).toContain("/missing does not exist");
});

test("a server that answers like ZooKeeper, but cannot be one: the error says so, and names the address", async () => {
  const servers = await odd.call("endless");
  const error = await rejection(ZkLockManager.connect(servers, { connectTimeout: 10_000 }));
  expect(error).toBeInstanceOf(ConnectError);
  expect(error.message).toContain("is no ZooKeeper");
  expect(error.message).toContain(`The server at ${servers} `);
});

test("a paused server: ConnectError, although its port accepts", async () => {
  const proxy = await setting.proxy();
  await proxy.pause();
  const connecting = ZkLockManager.connect(proxy.connectString, { connectTimeout: CONNECT_TIMEOUT_MS });
  expect(await rejection(connecting)).toMatchObject({ code: "ERR_CONNECT" });
  await proxy.resume();
});

test.each([
  "",
  " ",
  ":2181",
  "host:",
  "host:0",
  "host:65536",
  "host:port",
  "a,,b",
  "http://host:2181",
  "ho st:2181",
  "::1:2181",
  "host:2181;other:2181",
])("%j is no list of servers: InvalidArgumentError", async (servers) => {
  const error = await rejection(ZkLockManager.connect(servers));
  expect(error).toBeInstanceOf(InvalidArgumentError);
  expect(error.message).toContain(`"${servers}"`);
});

test("one good address among bad ones is found", async () => {
  const servers = `127.0.0.1:${await freePort()},${SERVER},no-such-host.invalid:1,127.0.0.1:${await freePort()}`;
  for (let time = 0; time < 3; time += 1) {
    const lock = (await setting.manager({}, servers)).createLock(setting.resource());
    expect(await lock.tryAcquire()).not.toBeNull();
    await lock.release();
  }
});

test("a host name, blanks around the commas, and a trailing slash are all right", async () => {
  const manager = await setting.manager({}, ` localhost:${port} , ${SERVER} /`.trim());
  expect(manager.session.state).toBe("connected");
});

test("a chroot behind the addresses is where all directories are", async () => {
  await setting.raw.mkdirp(`${setting.root}/team`);
  const manager = await setting.manager({ rootDir: "/inner" }, `${SERVER}${setting.root}/team`);
  const lock = manager.createLock("r");
  await lock.acquire();
  expect(await setting.raw.children(`${setting.root}/team/inner/r`)).toHaveLength(1);
  await lock.release();
});

test.each<[string, Locator]>([
  ["text", () => Promise.resolve(SERVER)],
  ["an address", () => Promise.resolve({ host: "127.0.0.1", port })],
  [
    "a list of addresses",
    () =>
      Promise.resolve([
        { host: "no-such-host.invalid", port: 1 },
        { host: "localhost", port },
      ]),
  ],
])("a locator may give %s", async (_, locator) => {
  const manager = setting.keep(await ZkLockManager.connect(locator, { rootDir: setting.root }));
  expect(manager.session.state).toBe("connected");
});

test("a locator is asked again, until it has an answer", async () => {
  let asked = 0;
  const locator: Locator = () => {
    asked += 1;
    return asked < 3 ? Promise.reject(new Error("not yet")) : Promise.resolve(SERVER);
  };
  setting.keep(await ZkLockManager.connect(locator, { rootDir: setting.root }));
  expect(asked).toBe(3);
});

test("a locator that never has one: ConnectError, in time", async () => {
  const locator = () => Promise.reject(new Error("the registry is down"));
  const started = performance.now();
  const error = await rejection(ZkLockManager.connect(locator, { connectTimeout: CONNECT_TIMEOUT_MS }));
  expect(error).toMatchObject({ code: "ERR_CONNECT", cause: { message: "the registry is down" } });
  expect(error.message).toContain("The locator failed: the registry is down.");
  expect(performance.now() - started).toBeLessThan(CONNECT_TIMEOUT_MS + 1_500);
});

test("a locator that answers never at all: ConnectError, in time", async () => {
  const locator = () => new Promise<string>(() => undefined);
  const started = performance.now();
  const error = await rejection(ZkLockManager.connect(locator, { connectTimeout: CONNECT_TIMEOUT_MS }));
  expect(error).toMatchObject({ code: "ERR_CONNECT" });
  expect(error.message).toContain("The locator has not answered.");
  expect(performance.now() - started).toBeLessThan(CONNECT_TIMEOUT_MS + 1_500);
});

test("a locator that fails while the manager runs is an 'error', once an outage; the session is carried on where it was", async () => {
  const proxy = await setting.proxy();
  let fails = false;
  const locator: Locator = () =>
    fails ? Promise.reject(new Error("the registry is down")) : Promise.resolve(proxy.connectString);
  const manager = setting.keep(
    await ZkLockManager.connect(locator, { rootDir: setting.root, sessionTimeout: SESSION_MS }),
  );
  const { id } = manager.session;
  const lock = manager.createLock(setting.resource());
  const token = await lock.acquire();
  const cutAndComeBack = async () => {
    const back = new Promise<void>((resolve) => manager.once("connected", resolve));
    await proxy.cut();
    await back;
  };
  fails = true;
  await cutAndComeBack();
  await cutAndComeBack();
  expect(manager.session.id).toBe(id);
  expect(await lock.renew()).toBe(token);
  expect(setting.errors.splice(0).map(({ message }) => message)).toEqual(["The locator failed: the registry is down."]);
  fails = false;
  await cutAndComeBack();
  expect(setting.errors).toEqual([]);
  fails = true;
  await cutAndComeBack();
  expect(setting.errors.splice(0)).toHaveLength(1);
  await lock.release();
});

test("the session is shown as it was negotiated, with a lease of two thirds of it", async () => {
  const manager = await setting.manager();
  const { id, state, timeoutMs, leaseMs } = manager.session;
  expect(id).toMatch(/^[0-9a-f]{8,16}$/);
  expect(state).toBe("connected");
  expect(timeoutMs).toBe(SESSION_MS);
  expect(leaseMs).toBeGreaterThan(0);
  expect(leaseMs).toBeLessThanOrEqual((SESSION_MS * 2) / 3);
});

test("the server has the last word on the session's timeout", async () => {
  const [short, long] = await Promise.all([
    setting.manager({ sessionTimeout: 1 }),
    setting.manager({ sessionTimeout: 100_000_000 }),
  ]);
  expect(short.session.timeoutMs).toBeGreaterThanOrEqual(100);
  expect(long.session.timeoutMs).toBeLessThan(100_000_000);
});

test("a manager that has no client yet says so", async () => {
  const manager = new ZkLockManager();
  expect(manager.session).toEqual({ id: "", state: "lost", timeoutMs: 0, leaseMs: 0 });
  const error = await rejection(manager.createLock("r").acquire());
  expect(error).toMatchObject({ code: "ERR_SESSION_LOST", reason: "not-connected", resource: "r" });
  expect(error.message).toContain("init");
  expect(await rejection(manager.createLock("r").tryAcquire())).toMatchObject({ code: "ERR_SESSION_LOST" });
  await manager.close();
});

test.each([
  ["host and process by default", undefined, { host: hostname(), pid: process.pid }],
  [
    "what is given, beside them",
    { service: "billing", shard: 3 },
    { host: hostname(), pid: process.pid, service: "billing", shard: 3 },
  ],
  ["what is given, before them", { host: "billing-3" }, { host: "billing-3", pid: process.pid }],
])("a ticket shows its owner's identity: %s", async (_, identity, shown) => {
  const resource = setting.resource();
  const lock = (await setting.manager(identity === undefined ? {} : { identity })).createLock(resource);
  await lock.acquire();
  const [ticket] = await setting.tickets(resource);
  const { data, stat } = await setting.raw.get(`${setting.directory(resource)}/${ticket!}`);
  expect(JSON.parse(data.toString())).toEqual(shown);
  expect(stat.ephemeralOwner).not.toBe("0");
  await lock.release();
});

test("'connected', 'suspended' and 'lost' follow the session, and a new one is opened by itself", async () => {
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 1_500 });
  const first = manager.session.id;
  const heard: string[] = [];
  for (const event of ["connected", "suspended", "lost"] as const) manager.on(event, () => heard.push(event));

  await proxy.cut();
  await until(() => heard.includes("connected"), { what: "the reconnect" });
  expect(manager.session).toMatchObject({ id: first, state: "connected" });
  expect(heard).toEqual(["suspended", "connected"]);

  await proxy.close();
  await proxy.cut();
  await until(() => manager.session.state === "lost", { what: "the lease to be over" });
  expect(manager.session.leaseMs).toBe(0);
  const oldSessionEnds = async () => !(await setting.raw.stat("/")) || manager.session.state === "lost";
  expect(await oldSessionEnds()).toBe(true);
  const waiting = manager.createLock(setting.resource());
  await until(() => heard.length === 4, { what: "'lost'" });
  expect(heard.slice(2)).toEqual(["suspended", "lost"]);

  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await proxy.reopen();
  await until(() => manager.session.state === "connected", { what: "a new session" });
  expect(manager.session.id).not.toBe(first);
  expect(await waiting.acquire()).toEqual(expect.any(Number));
  await waiting.release();
});
