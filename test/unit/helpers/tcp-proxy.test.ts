import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { connect } from "node:net";
import { noLeaks } from "../../helpers/leaks.js";
import { EPHEMERAL, RawClient } from "../../helpers/raw-client.js";
import { TcpProxy } from "../../helpers/tcp-proxy.js";
import { until } from "../../helpers/until.js";
import { ask } from "../../helpers/server-statistics.js";

const CONNECTION_LOSS = -4;
const SESSION_EXPIRED = -112;
const SERVER = process.env["ZK_TEST_CONNECT"]!;
const PATH = `/harness-proxy-${process.pid}`;

let proxy: TcpProxy;
let outside: RawClient;
let through: RawClient;
beforeEach(async () => {
  proxy = await TcpProxy.listen(SERVER);
  outside = await RawClient.connect(SERVER);
  through = await RawClient.connect(proxy.connectString);
});
afterEach(async () => {
  await through.close();
  await outside.deleteall(PATH);
  await outside.close();
  await proxy.dispose();
});
afterEach(noLeaks());

test("requests pass, and are counted by their operation", async () => {
  await through.create(PATH, "data");
  expect((await through.get(PATH)).data.toString()).toBe("data");
  expect(await proxy.requestCount("create")).toBe(1);
  expect(await proxy.requestCount("getData")).toBe(1);
  expect(await proxy.requestCount("delete")).toBe(0);
});

test("four-letter words pass too", async () => {
  expect(await ask(proxy.connectString, "ruok")).toBe("imok");
});

test("a swallowed reply is lost after the server has done the work", async () => {
  const swallowed = await proxy.swallowReply("create");
  await expect(through.create(PATH)).rejects.toMatchObject({ code: CONNECTION_LOSS });
  expect((await swallowed.sprung).err).toBe(0);
  expect(await outside.exists(PATH)).toBe(true);
});

test("a reply that is swallowed on a connection kept open is noticed only with the next one", async () => {
  const swallowed = await proxy.swallowReply("create", { keepOpen: true });
  const created = expect(through.create(PATH)).rejects.toMatchObject({ code: -2 });
  expect((await swallowed.sprung).err).toBe(0);
  expect(await proxy.connections()).toBe(1);
  await expect(through.get(PATH)).rejects.toMatchObject({ code: -2 });
  await created;
});

test("a swallowed request never reaches the server", async () => {
  const swallowed = await proxy.swallowRequest("create");
  await expect(through.create(PATH)).rejects.toMatchObject({ code: CONNECTION_LOSS });
  await swallowed.sprung;
  expect(await outside.exists(PATH)).toBe(false);
});

test("other replies pass while one kind is waited for, and the trap springs once", async () => {
  await outside.create(PATH);
  const swallowed = await proxy.swallowReply("setData");
  await through.get(PATH);
  await expect(through.set(PATH, "lost")).rejects.toMatchObject({ code: CONNECTION_LOSS });
  await swallowed.sprung;
  await until(() => through.client.state === 3, { what: "the client to come back" });
  await through.set(PATH, "kept");
  expect((await outside.get(PATH)).data.toString()).toBe("kept");
});

test("a cut is a reset, and the next connection stands", async () => {
  const socket = connect(proxy.port, "127.0.0.1");
  const reset = new Promise((resolve) =>
    socket.once("error", (error) => resolve((error as NodeJS.ErrnoException).code)),
  );
  await until(async () => (await proxy.connections()) === 2, { what: "the second connection" });
  await proxy.cut();
  expect(await reset).toBe("ECONNRESET");
  await until(() => through.client.state === 3, { what: "the client to come back" });
});

test("a closed proxy refuses, and lets in again once reopened", async () => {
  await proxy.close();
  await expect(ask(proxy.connectString, "ruok")).rejects.toThrow("ECONNREFUSED");
  await through.create(PATH);
  await proxy.reopen();
  expect(await ask(proxy.connectString, "ruok")).toBe("imok");
});

test("replies are held back while their way is paused, and come in order afterwards", async () => {
  await proxy.pause("toClient");
  const order: string[] = [];
  const calls = [through.create(PATH), through.create(`${PATH}/1`), through.create(`${PATH}/2`)];
  const all = Promise.all(calls.map((call) => call.then((path) => order.push(path))));
  await until(() => outside.exists(`${PATH}/2`), { what: "the server to have done it all" });
  expect(order).toEqual([]);
  await proxy.resume();
  await all;
  expect(order).toEqual([PATH, `${PATH}/1`, `${PATH}/2`]);
});

test("requests are held back while their way is paused", async () => {
  await proxy.pause("toServer");
  const created = through.create(PATH);
  await until(async () => (await proxy.requestCount("create")) === 1, { what: "the request" });
  expect(await outside.exists(PATH)).toBe(false);
  await proxy.resume();
  await created;
});

test("what was held back when the proxy hung up still reaches the server, when it may pass", async () => {
  await proxy.pause("toServer");
  const created = expect(through.create(PATH)).rejects.toMatchObject({ code: CONNECTION_LOSS });
  await until(async () => (await proxy.requestCount("create")) === 1, { what: "the request" });
  await proxy.close();
  await proxy.hangUp();
  await created;
  expect(await outside.exists(PATH)).toBe(false);
  await proxy.resume();
  await until(() => outside.exists(PATH), { what: "the late request to be carried out" });
  await until(async () => (await proxy.connections()) === 0, { what: "the connection to go" });
  await proxy.reopen();
});

test("a client can be told that its session has expired, while it lives on", async () => {
  await through.create(PATH, "", EPHEMERAL);
  const told = new Promise((resolve) => through.client.on("close", (_client: unknown, code: number) => resolve(code)));
  const { sprung } = await proxy.expireNext();
  await proxy.cut();
  await sprung;
  expect(await told).toBe(SESSION_EXPIRED);
  expect((await outside.stat(PATH))?.ephemeralOwner).toBe(through.sessionId);
});

test.each(["destroy", "resetAndDestroy"] as const)(
  "the %s of a paused connection is held back as well",
  async (end) => {
    const socket = connect(proxy.port, "127.0.0.1");
    await until(async () => (await proxy.connections()) === 2, { what: "the second connection" });
    await proxy.pause();
    socket[end]();
    // What must not happen has no moment at which to look, so a good many looks stand for it.
    for (let look = 0; look < 100; look += 1) expect(await proxy.connections()).toBe(2);
    await proxy.resume();
    await until(async () => (await proxy.connections()) === 1, { what: "the connection to go" });
  },
);

test("a black hole loses what is sent, and the connection is reset when it ends", async () => {
  await proxy.blackhole("toServer");
  const lost = expect(through.create(PATH)).rejects.toMatchObject({ code: CONNECTION_LOSS });
  await until(async () => (await proxy.requestCount("create")) === 1, { what: "the request" });
  await proxy.resume();
  await lost;
  expect(await outside.exists(PATH)).toBe(false);
});

test("a delay is kept on each way", async () => {
  await proxy.delay(40);
  const started = performance.now();
  await through.create(PATH);
  expect(performance.now() - started).toBeGreaterThanOrEqual(79);
});

test("a reply can dribble out in tiny pieces", async () => {
  const data = "x".repeat(200);
  await through.create(PATH, data);
  await proxy.chunk(3);
  const started = performance.now();
  expect((await through.get(PATH)).data.toString()).toBe(data);
  expect(performance.now() - started).toBeGreaterThan(60);
});
