import { describe, expect, test } from "@jest/globals";
import { InMemoryZooKeeper } from "../../../src/testing/index.js";
import { create, ensemble, get, list, remove, started } from "./in-memory.js";

const EPHEMERAL = 1;
const BOTH = 3;
const CONTAINER = 4;

describe("sessions", () => {
  test("are kept by heartbeats, and expire on the tick after their timeout once nothing is heard", async () => {
    const { clock, zk } = ensemble();
    const { client } = started(zk);
    await clock.advance(60_000);
    expect(zk.sessions()).toHaveLength(1);
    await clock.advance(500);
    zk.disconnect(client);
    const heardAtMs = clock.monotonicMs() - (zk.sessions()[0]?.timeoutMs ?? 0) - 1_000;
    const expiresMs = clock.monotonicMs() + (zk.sessions()[0]?.expiresInMs ?? 0);
    expect(expiresMs % 1_000).toBe(0);
    expect(expiresMs).toBeGreaterThan(heardAtMs);
    await clock.advance(expiresMs - clock.monotonicMs() - 1);
    expect(zk.sessions()).toHaveLength(1);
    await clock.advance(1);
    expect(zk.sessions()).toEqual([]);
  });

  test("get a timeout within the servers' bounds", async () => {
    const { clock, zk } = ensemble();
    const [short, long] = [started(zk, { timeout: 10 }), started(zk, { timeout: 1e9 })];
    expect(short.client.timeout).toBe(10);
    await clock.advance(10);
    expect([short.client.timeout, long.client.timeout]).toEqual([2_000, 20_000]);
  });

  test("taken over through another server: the older connection's writes are refused, and it ends", async () => {
    const { clock, zk } = ensemble({ followers: 1 });
    const first = started(zk);
    await clock.advance(10);
    const { client_id, client_password } = first.client;
    const second = started(zk, { client_id, client_password, server: 1 });
    await clock.advance(10);
    get(first.client, "/", first.log);
    create(first.client, "/a", first.log);
    await clock.advance(3);
    expect(first.log.slice(0, 4)).toEqual(["connect", "get 0", "create -118 null", "connecting"]);
    expect([second.log, zk.dump("/a")]).toEqual([["connect"], []]);
  });

  test("which two clients take from each other for ever do not stop virtual time", async () => {
    const { clock, zk } = ensemble({ latencyMs: 0 });
    const first = started(zk);
    await clock.advance(10);
    const { client_id, client_password } = first.client;
    const second = started(zk, { client_id, client_password });
    await clock.advance(100);
    for (const { log } of [first, second])
      expect(log.filter((entry) => entry === "connecting").length).toBeGreaterThan(10);
  });

  test("with more watches than can be set again, a client reconnects for ever", async () => {
    const { clock, zk } = ensemble({ latencyMs: 0 });
    const { client, log } = started(zk);
    await clock.advance(10);
    const name = "n".repeat(1_000);
    for (let turn = 0; turn < 1_100; turn++) client.a_exists(`/${name}${turn}`, true, () => {});
    await clock.advance(10);
    zk.disconnect(client, { forMs: 0 });
    await clock.advance(100);
    expect(log.filter((entry) => entry === "connect").length).toBeGreaterThan(10);
  });

  test("a sibling is a client of the same ensemble, on the same clock", async () => {
    const { clock, zk } = ensemble();
    const { client } = started(zk);
    await clock.advance(10);
    const { client_id, client_password } = client;
    const sibling = client.sibling({ client_id, client_password });
    sibling.init();
    await clock.advance(10);
    expect([sibling.client_id, sibling.clock]).toEqual([client_id, clock]);
  });
});

describe("followers", () => {
  test("lag for reads, but never behind their own clients' writes, and a sync catches up", async () => {
    const { clock, zk } = ensemble({ followers: 1 });
    const [writer, reader] = [started(zk), started(zk, { server: 1 })];
    await clock.advance(10);
    zk.lag(1, 2);
    for (const path of ["/a", "/b", "/c"]) create(writer.client, path, writer.log);
    await clock.advance(10);
    list(reader.client, "/", reader.log);
    await clock.advance(10);
    expect(reader.log.at(-1)).toBe("list 0 a,zookeeper");
    create(reader.client, "/mine", reader.log);
    list(reader.client, "/", reader.log);
    await clock.advance(10);
    expect(reader.log.at(-1)).toBe("list 0 a,b,c,mine,zookeeper");
    zk.lag(1, Infinity);
    create(writer.client, "/d", writer.log);
    await clock.advance(10);
    get(reader.client, "/d", reader.log);
    reader.client.a_sync("/", () => {});
    get(reader.client, "/d", reader.log);
    await clock.advance(10);
    expect(reader.log.slice(-2)).toEqual(["get -101", "get 0"]);
  });

  test("tell of a change when they do it themselves", async () => {
    const { clock, zk } = ensemble({ followers: 1 });
    const reader = started(zk, { server: 1 });
    zk.create("/node");
    await clock.advance(10);
    zk.lag(1, Infinity);
    get(reader.client, "/node", reader.log, true);
    await clock.advance(10);
    zk.delete("/node");
    await clock.advance(1_000);
    expect(reader.log).toEqual(["connect", "get 0"]);
    zk.lag(1, 0);
    await clock.advance(10);
    expect(reader.log.at(-1)).toBe("deleted /node");
  });

  test("show a client that comes over nothing older than what it has seen", async () => {
    const { clock, zk } = ensemble({ followers: 1 });
    const { client, log } = started(zk);
    await clock.advance(10);
    zk.lag(1, Infinity);
    create(client, "/a", log);
    await clock.advance(10);
    zk.attach(client, 1);
    zk.disconnect(client, { forMs: 0 });
    await clock.advance(20);
    get(client, "/a", log);
    await clock.advance(10);
    expect(log.at(-1)).toBe("get 0");
  });

  test("cut off from the leader, they answer reads while the sessions of their clients expire", async () => {
    const { clock, zk } = ensemble({ followers: 1 });
    const { client, log } = started(zk, { server: 1 });
    await clock.advance(10);
    zk.isolate(1);
    for (let turn = 0; turn < 5; turn++) {
      get(client, "/", log);
      await clock.advance(1_000);
    }
    expect(log.filter((entry) => entry === "get 0")).toHaveLength(5);
    await clock.advance(2_000);
    expect(zk.sessions()).toEqual([]);
  });

  test("forget their done transactions", async () => {
    const { clock, zk } = ensemble({ followers: 2 });
    const reader = started(zk, { server: 2 });
    await clock.advance(10);
    zk.create("/d");
    zk.lag(2, 3);
    for (let turn = 0; turn < 3_000; turn++) zk.set("/d", String(turn));
    reader.client.a_get("/d", false, (_code, _text, _stat, data) => void reader.log.push(String(data)));
    await clock.advance(10);
    expect(reader.log.at(-1)).toBe("2996");
  });
});

describe("directories", () => {
  test("a counter can start high, as if as many children had been there before", async () => {
    const { clock, zk } = ensemble({ counters: { "/d": 1_999_999_999 } });
    const { client, log } = started(zk);
    await clock.advance(10);
    const czxid = (): number => zk.dump("/d")[0]?.stat.czxid ?? 0;
    create(client, "/d", log, CONTAINER);
    create(client, "/d/t-", log, BOTH);
    await clock.advance(10);
    const first = czxid();
    expect(log.at(-1)).toBe("create 0 /d/t-1999999999");
    expect((zk.tickets("/d")[0]?.stat.czxid ?? 0) - first).toBe(2_000_000_000);
    zk.deleteAll("/d");
    create(client, "/d", log, CONTAINER);
    create(client, "/d/t-", log, BOTH);
    await clock.advance(10);
    expect(log.at(-1)).toBe("create 0 /d/t-0000000000");
    expect(czxid()).toBeGreaterThan(first + 1_999_999_999);
  });

  test("at 2^31 a counter goes wrong, as a real server's does", async () => {
    const { clock, zk } = ensemble({ counters: { "/d": 2 ** 31 - 2 } });
    const { client, log } = started(zk);
    await clock.advance(10);
    create(client, "/d", log);
    for (let turn = 0; turn < 4; turn++) create(client, "/d/t-", log, BOTH);
    await clock.advance(10);
    expect(log.slice(-4)).toEqual(
      ["6", "7"]
        .map((digit) => `create 0 /d/t-214748364${digit}`)
        .concat(["8", "7"].map((digit) => `create 0 /d/t--214748364${digit}`)),
    );
    create(client, "/d/t-", log, BOTH);
    create(client, "/d/u-", log, BOTH);
    await clock.advance(10);
    expect(log.slice(-2)).toEqual(["create -110 null", "create 0 /d/u-2147483647"]);
  });

  test("containers are reaped by the clock where that is asked for, once they have had a child", async () => {
    const { clock, zk } = ensemble({ reapEveryMs: 60_000 });
    for (const path of ["/used", "/unused", "/full"]) zk.create(path, "", { flags: CONTAINER });
    zk.create("/used/child");
    zk.create("/full/child");
    zk.delete("/used/child");
    await clock.advance(59_999);
    expect(zk.dump()).toHaveLength(5);
    await clock.advance(1);
    expect(zk.dump().map(({ path }) => path)).toEqual(["/", "/full", "/full/child", "/unused"]);
    zk.stop();
  });

  test("reaping takes a container and then the one around it", () => {
    const { zk } = ensemble();
    for (const path of ["/a", "/a/b"]) zk.create(path, "", { flags: CONTAINER });
    zk.delete(zk.create("/a/b/c"));
    expect([zk.reapContainers(), zk.reapContainers()]).toEqual([["/a/b", "/a"], []]);
  });
});

describe("an administrator", () => {
  test("does what it likes, in spite of ACLs, and hears what cannot be done", () => {
    const { zk } = ensemble();
    zk.create("/locked", "secret");
    zk.setAcl("/locked", [{ perms: 31, scheme: "digest", auth: "bob:x" }]);
    zk.create("/locked/child", Buffer.from("hostile"));
    zk.set("/locked", "other");
    expect(zk.dump("/locked").map(({ path, data }) => `${path} ${data.toString()}`)).toEqual([
      "/locked other",
      "/locked/child hostile",
    ]);
    expect(() => zk.delete("/locked")).toThrow("-111 not empty");
    expect(zk.deleteAll("/locked")).toBe(2);
    expect(() => zk.delete("/locked")).toThrow("-101 no node");
  });

  test("can make a node that belongs to a session", async () => {
    const { clock, zk } = ensemble();
    const { client } = started(zk);
    await clock.advance(10);
    zk.create("/theirs", "", { flags: EPHEMERAL, sessionId: client.client_id });
    expect(zk.tickets()[0]?.stat.ephemeralOwner).toBe(client.client_id);
    clock.soon(() => client.close());
    await clock.advance(10);
    expect(zk.tickets()).toEqual([]);
  });
});

describe("what a test can look at", () => {
  test("tickets in the order of their numbers, sessions with their watches, and what is under way", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    zk.create("/d");
    for (const prefix of ["z", "a", "m"]) create(client, `/d/${prefix}-lock-`, log, BOTH);
    get(client, "/d/z-lock-0000000000", log, true);
    list(client, "/d", log, true);
    expect([zk.isQuiescent, zk.underWay]).toEqual([false, { replies: 5, messages: 5 }]);
    await clock.advance(10);
    expect(zk.tickets("/d").map(({ path }) => path)).toEqual([
      "/d/z-lock-0000000000",
      "/d/a-lock-0000000001",
      "/d/m-lock-0000000002",
    ]);
    expect(zk.sessions()[0]?.watches).toEqual({ data: ["/d/z-lock-0000000000"], children: ["/d"] });
    expect([zk.isQuiescent, zk.underWay]).toEqual([true, { replies: 0, messages: 0 }]);
    get(client, "/missing", log, true);
    remove(client, "/d/z-lock-0000000000", log);
    await clock.advance(10);
    expect(zk.sessions()[0]?.watches).toEqual({ data: [], children: [] });
  });

  test("the same seed gives the same run, and another seed another", async () => {
    const run = async (seed: number): Promise<string> => {
      const { clock, zk } = ensemble({ seed, latencyMs: { min: 1, max: 20 } });
      const shared: string[] = [];
      const clients = [1, 2, 3].map(() => started(zk, { clock: clock.process() }).client);
      await clock.advance(100);
      zk.create("/d");
      for (const client of clients) for (let turn = 0; turn < 5; turn++) create(client, "/d/t-", shared, BOTH);
      await clock.advance(100);
      return shared.join();
    };
    expect(await run(7)).toBe(await run(7));
    expect(await run(7)).not.toBe(await run(8));
  });

  test("on real time it needs no clock, and answers in a later turn", async () => {
    const zk = new InMemoryZooKeeper();
    const { client, log } = started(zk);
    await new Promise((resolve) => client.once("connect", resolve));
    const answered = new Promise((resolve) => client.a_create("/a", Buffer.from("x"), EPHEMERAL, resolve));
    await Promise.resolve();
    expect(zk.dump("/a")).toEqual([]);
    expect(await answered).toBe(0);
    await new Promise(setImmediate);
    client.close();
    expect([zk.dump("/a"), log]).toEqual([[], ["connect", "close 0"]]);
  });

  test("on real time a cut keeps nobody waiting, and messages take the time they are told to", async () => {
    const zk = new InMemoryZooKeeper({ latencyMs: 5 });
    const { client, log } = started(zk);
    await new Promise((resolve) => client.once("connect", resolve));
    zk.disconnect(client, { forMs: 20 });
    await new Promise((resolve) => client.once("connecting", resolve));
    zk.reconnect(client);
    const startedMs = performance.now();
    await new Promise((resolve) => client.once("connect", resolve));
    expect(performance.now() - startedMs).toBeGreaterThan(8);
    await new Promise(setImmediate);
    client.close();
    expect(log).toEqual(["connect", "connecting", "connect", "close 0"]);
  });

  test("what cannot be asked for is refused", () => {
    const { zk } = ensemble();
    const other = ensemble().zk.client();
    expect(() => zk.disconnect(other)).toThrow("not made by this ensemble");
    expect(() => zk.client({ server: 1 })).toThrow("no server 1");
    expect(() => zk.lag(1, 0)).toThrow("no follower 1");
    expect(() => zk.isolate(0)).toThrow("no follower 0");
    expect(() => zk.client({ client_id: "1" }).init()).toThrow("client id and password");
    expect(() => zk.client({ client_id: "1", client_password: "2" }).init()).toThrow("correct length");
  });
});
