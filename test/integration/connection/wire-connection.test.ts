import { afterEach, expect, test } from "@jest/globals";
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../../src/common/clock.js";
import { type Operation, operations } from "../../../src/zookeeper/wire/operations.js";
import type { Established } from "../../../src/zookeeper/wire/session-key.js";
import { CONNECTION_LOSS, WireConnection, type WireOptions } from "../../../src/zookeeper/wire/wire-connection.js";
import { until } from "../../helpers/until.js";
import { SERVER, useSetting } from "../../helpers/setting.js";

const setting = useSetting();
const OPEN = [{ permissions: 31, scheme: "world", id: "anyone" }];
const ANY_VERSION = -1;
const EPHEMERAL = 1;

interface Client {
  readonly connection: WireConnection;
  readonly established: Promise<Established>;
  readonly closed: Promise<Error>;
}

function open(options: Partial<WireOptions> & { address?: string } = {}): Client {
  const [host = "", port] = (options.address ?? SERVER).split(":");
  const connection = new WireConnection({
    host,
    port: Number(port),
    sessionTimeoutMs: 4_000,
    connectTimeoutMs: 5_000,
    clock: systemClock,
    ...options,
  });
  setting.later(() => connection.close(1_000));
  return {
    connection,
    established: new Promise((resolve) => connection.once("established", resolve)),
    closed: new Promise((resolve) => connection.once("closed", resolve)),
  };
}

function ask<Request, Reply>(
  { connection }: Client,
  operation: Operation<Request, Reply>,
  request: Request,
): Promise<{ code: number; value: Reply | null }> {
  return new Promise((resolve) => connection.request(operation, request, (code, value) => resolve({ code, value })));
}

test("each operation does on a real server what it says", async () => {
  const client = open();
  const { id } = await client.established;
  const path = `${setting.root}-wire`;
  expect(
    await ask(client, operations.createContainer, { path, data: Buffer.from("d"), acl: OPEN, flags: 4 }),
  ).toMatchObject({ code: 0, value: { path, stat: { ephemeralOwner: 0n } } });
  const ticket = { path: `${path}/t-`, data: null, acl: OPEN, flags: 3 };
  const made = await ask(client, operations.create2, ticket);
  expect(made).toMatchObject({ code: 0, value: { path: `${path}/t-0000000000`, stat: { ephemeralOwner: id } } });
  expect(await ask(client, operations.create, ticket)).toEqual({ code: 0, value: { path: `${path}/t-0000000001` } });
  const listed = await ask(client, operations.getChildren2, { path, watch: false });
  expect([...listed.value!.children].sort()).toEqual(["t-0000000000", "t-0000000001"]);
  expect(listed.value!.stat.numChildren).toBe(2);
  expect((await ask(client, operations.getData, { path, watch: false })).value!.data!.toString()).toBe("d");
  expect(await ask(client, operations.setData, { path, data: Buffer.from("e"), version: 7 })).toEqual({
    code: -103,
    value: null,
  });
  expect((await ask(client, operations.exists, { path, watch: false })).value!.stat.version).toBe(0);
  expect((await ask(client, operations.getAcl, { path })).value!.acl).toEqual(OPEN);
  expect(await ask(client, operations.sync, { path })).toEqual({ code: 0, value: { path } });
  const parts = [
    { operation: 13, request: { path, version: 0 } },
    { operation: 2, request: { path: `${path}/t-0000000001`, version: ANY_VERSION } },
  ] as const;
  expect((await ask(client, operations.multi, parts)).value).toEqual([
    { operation: 13, code: 0 },
    { operation: 2, code: 0 },
  ]);
  expect((await ask(client, operations.multi, parts)).value!.map(({ code }) => code)).toEqual([0, -101]);
  expect(await ask(client, operations.delete, { path: `${path}/t-0000000000`, version: ANY_VERSION })).toMatchObject({
    code: 0,
  });
  expect(await ask(client, operations.delete, { path, version: ANY_VERSION })).toMatchObject({ code: 0 });
  expect(client.connection.lastZxid).toBeGreaterThan(0n);
});

test("a watch tells once, and one that was taken back does not", async () => {
  const [client, other] = [open(), open()];
  await Promise.all([client.established, other.established]);
  const path = `${setting.root}-watched`;
  const events: string[] = [];
  client.connection.on("nodeEvent", (kind, at) => events.push(`${kind} ${at}`));
  await ask(client, operations.create, { path, data: null, acl: OPEN, flags: EPHEMERAL });
  await ask(client, operations.getData, { path, watch: true });
  await ask(other, operations.setData, { path, data: Buffer.from("1"), version: ANY_VERSION });
  await until(() => events.length === 1, { what: "the event" });
  await ask(client, operations.getData, { path, watch: true });
  expect(await ask(client, operations.removeWatches, { path, kind: 2 })).toMatchObject({ code: 0 });
  await ask(other, operations.setData, { path, data: Buffer.from("2"), version: ANY_VERSION });
  await ask(client, operations.sync, { path });
  expect(events).toEqual([`changed ${path}`]);
});

test("a session outlives its connection, and goes on with its nodes on another one", async () => {
  const first = open();
  const session = await first.established;
  const path = `${setting.root}-resumed`;
  await ask(first, operations.create, { path, data: null, acl: OPEN, flags: EPHEMERAL });
  first.connection.abandon();
  const second = open({ resume: session, lastZxid: first.connection.lastZxid });
  expect((await second.established).id).toBe(session.id);
  expect((await ask(second, operations.exists, { path, watch: false })).value!.stat.ephemeralOwner).toBe(session.id);
  await second.connection.close(1_000);
  expect(await setting.raw.stat(path)).toBeNull();
  const third = open({ resume: session });
  expect(await third.closed).toMatchObject({ name: "SessionOverError" });
});

test("close() waits for what is under way, and then ends the session", async () => {
  const client = open();
  await client.established;
  const created = Array.from({ length: 50 }, (_, index) =>
    ask(client, operations.create, { path: `${setting.root}-close-${index}`, data: null, acl: OPEN, flags: EPHEMERAL }),
  );
  await client.connection.close(1_000);
  expect((await Promise.all(created)).map(({ code }) => code)).toEqual(Array<number>(50).fill(0));
  expect(await setting.raw.stat(`${setting.root}-close-49`)).toBeNull();
});

test("a reset loses what was under way, tells why, and throws nothing", async () => {
  const proxy = await setting.proxy();
  const client = open({ address: proxy.connectString });
  await client.established;
  await proxy.pause();
  const asking = ask(client, operations.sync, { path: "/" });
  await proxy.cut();
  expect(await asking).toEqual({ code: CONNECTION_LOSS, value: null });
  expect((await client.closed).message).toMatch(/ECONNRESET|closed/);
  expect(await ask(client, operations.sync, { path: "/" })).toEqual({ code: CONNECTION_LOSS, value: null });
});

test("a server that falls silent is given up after a third of the session timeout, and one that is not is kept", async () => {
  const proxy = await setting.proxy();
  const client = open({ address: proxy.connectString });
  const { timeoutMs } = await client.established;
  const end = client.closed.then(() => "closed");
  expect(await Promise.race([end, sleep(timeoutMs, "kept")])).toBe("kept");
  const pings = await proxy.requestCount("ping");
  expect(pings).toBeGreaterThanOrEqual(4);
  expect(pings).toBeLessThanOrEqual(7);
  await proxy.pause();
  const started = performance.now();
  expect((await client.closed).message).toMatch(/silent/);
  const tookMs = performance.now() - started;
  expect(tookMs).toBeGreaterThan(timeoutMs / 6 - 100);
  expect(tookMs).toBeLessThan(timeoutMs / 2);
  await proxy.resume();
});

const servers = new Set<Server>();
afterEach(() => {
  for (const server of servers) server.close();
  servers.clear();
});

async function hostile(onSocket: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    onSocket(socket);
  });
  servers.add(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

const HOSTILE: Record<string, { act: (socket: Socket) => void; reason: RegExp }> = {
  "an HTTP server": { act: (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"), reason: /no ZooKeeper/ },
  "a server that hangs up": { act: (socket) => void socket.end(), reason: /closed the connection/ },
  "a server that resets": { act: (socket) => void socket.resetAndDestroy(), reason: /ECONNRESET/ },
  "a server that says nothing": { act: () => undefined, reason: /has not answered within 300 ms/ },
  "a server that sends half a frame": {
    act: (socket) => void socket.write(Buffer.from("00000025", "hex")),
    reason: /within/,
  },
};

test.each(Object.keys(HOSTILE))("%s is told with its reason", async (name) => {
  const { act, reason } = HOSTILE[name]!;
  const client = open({ address: await hostile(act), connectTimeoutMs: 300 });
  expect((await client.closed).message).toMatch(reason);
});

test("nobody there, and no such name, are told at once", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  expect((await open({ address: `127.0.0.1:${port}` }).closed).message).toContain("ECONNREFUSED");
  expect((await open({ address: "no-such-host.invalid:2181" }).closed).message).toMatch(/ENOTFOUND|EAI_AGAIN/);
});

/** A small generator with a seed, so that what fails can be had again. */
function randomOf(seed: number): (below: number) => number {
  let state = seed + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test("two thousand servers that answer with anything at all: each connection ends once, and nothing is thrown", async () => {
  const welcome = Buffer.from(`000000250000000000000fa0010000000000000100000010${"00".repeat(16)}00`, "hex");
  let seed = 0;
  const address = await hostile((socket) => {
    const random = randomOf(seed);
    seed += 1;
    socket.once("data", () => {
      if (random(3) > 0) socket.write(welcome);
      const pieces = 1 + random(4);
      for (let piece = 0; piece < pieces; piece += 1) {
        const bytes = Buffer.from(Array.from({ length: random(60) }, () => random(256)));
        // Half of them announce a length that is right, so that what is inside of the frame is read.
        const length = Buffer.alloc(4);
        length.writeInt32BE(random(2) === 0 ? bytes.length : random(2 ** 31));
        socket.write(Buffer.concat([length, bytes]));
      }
      socket.end();
    });
  });
  for (let batch = 0; batch < 40; batch += 1) {
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const [host = "", port] = address.split(":");
        const connection = new WireConnection({
          host,
          port: Number(port),
          sessionTimeoutMs: 4_000,
          connectTimeoutMs: 2_000,
          clock: systemClock,
        });
        let ends = 0;
        let answers = 0;
        connection.on("closed", () => (ends += 1));
        connection.once("established", () => {
          for (let asked = 0; asked < 3; asked += 1) {
            connection.request(operations.getChildren2, { path: "/", watch: true }, () => (answers += 1));
          }
        });
        await until(() => ends > 0, { what: "the end of the connection" });
        connection.abandon();
        expect([ends, answers % 3]).toEqual([1, 0]);
      }),
    );
  }
  expect(seed).toBe(2_000);
});
