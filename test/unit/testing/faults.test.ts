import { describe, expect, test } from "@jest/globals";
import { create, ensemble, get, list, remove, started } from "./in-memory.js";

const EPHEMERAL = 1;

describe("a disconnect", () => {
  test("fails what is pending with connection loss, keeps the session, and ends by reconnect", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    create(client, "/a", log, EPHEMERAL);
    zk.disconnect(client, { inFlight: "arrive" });
    await clock.advance(100);
    expect(log).toEqual(["connect", "connecting", "create -4 null"]);
    expect([client.state, zk.tickets().length, zk.sessions()[0]?.isConnected]).toEqual([0, 1, false]);
    zk.reconnect(client);
    await clock.advance(10);
    expect([log.at(-1), client.state, zk.tickets().length]).toEqual(["connect", 3, 1]);
  });

  test("for a while ends by itself", async () => {
    const { clock, zk } = ensemble();
    const { client } = started(zk);
    await clock.advance(10);
    zk.disconnect(client, { forMs: 300 });
    await clock.advance(299);
    expect(client.state).not.toBe(3);
    await clock.advance(2_000);
    expect(client.state).toBe(3);
  });

  test("a client with one address tries again only after a third of its timeout", async () => {
    const { clock, zk } = ensemble();
    const [one, three] = [started(zk, { connect: "a:1" }), started(zk, { connect: "a:1,a:1,a:1" })];
    await clock.advance(10);
    for (const { client } of [one, three]) zk.disconnect(client, { forMs: 0 });
    await clock.advance(10);
    expect([one.client.state, three.client.state]).toEqual([0, 3]);
    await clock.advance(1_980);
    expect(one.client.state).toBe(0);
    await clock.advance(20);
    expect(one.client.state).toBe(3);
  });

  test.each([
    ["arrive", 3],
    ["lost", 0],
  ] as const)("requests on their way %s where that is asked for", async (inFlight, arrived) => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    for (const path of ["/a", "/b", "/c"]) create(client, path, log);
    zk.disconnect(client, { inFlight });
    expect(zk.dump().length - 1).toBe(arrived);
  });

  test("otherwise the first few of them arrive, by the seed", async () => {
    const arrivals = new Set<number>();
    for (let seed = 1; seed <= 20; seed++) {
      const { clock, zk } = ensemble({ seed });
      const { client, log } = started(zk);
      await clock.advance(10);
      for (const path of ["/a", "/b"]) create(client, path, log);
      zk.disconnect(client);
      expect(zk.dump().map(({ path }) => path)).toEqual(["/", "/a", "/b"].slice(0, zk.dump().length));
      arrivals.add(zk.dump().length - 1);
    }
    expect([...arrivals].sort()).toEqual([0, 1, 2]);
  });

  test("a send into the dead socket shows as state 999, and a close in that turn leaves the session alive", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    create(client, "/mine", log, EPHEMERAL);
    await clock.advance(10);
    zk.disconnect(client, { forMs: 0, trap: true });
    expect([get(client, "/mine", log), client.state]).toEqual([0, 999]);
    client.close();
    await clock.advance(10);
    expect([zk.sessions().length, zk.tickets().length, zk.hazards]).toEqual([1, 1, []]);
    expect(log.slice(-2)).toEqual(["get -116", "close 0"]);
  });

  test("a client left open after such a send is a hazard, and its next reply does not fit", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    create(client, "/lost", log);
    zk.disconnect(client, { forMs: 0, trap: true, inFlight: "lost" });
    get(client, "/", log);
    await clock.advance(4_000);
    expect(zk.hazards.map(({ kind }) => kind)).toEqual(["broken-client-left-open"]);
    expect(log).toEqual(["connect", "connect", "connecting", "create -2 null", "get -2", "connect"]);
  });
});

describe("a partition", () => {
  test("is silent until two thirds of the timeout have passed, and an expiry shows only after it", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    create(client, "/mine", log, EPHEMERAL);
    await clock.advance(10);
    zk.partition(client);
    get(client, "/mine", log);
    await clock.advance(3_900);
    expect(log.slice(2)).toEqual([]);
    await clock.advance(200);
    expect(log.slice(2)).toEqual(["connecting", "get -7"]);
    await clock.advance(20_000);
    expect([zk.sessions(), zk.tickets(), log.slice(4)]).toEqual([[], [], []]);
    zk.heal(client);
    get(client, "/mine", log);
    await clock.advance(10);
    expect(log.slice(4)).toEqual(["close -112", "get -116"]);
    expect([client.state, client.timeout, get(client, "/mine", log)]).toEqual([0, -1, -9]);
  });

  test("on the way up, a request comes late: after its client has given it up", async () => {
    const { clock, zk } = ensemble({ maxSessionTimeoutMs: 60_000 });
    const { client, log } = started(zk, { timeout: 30_000 });
    await clock.advance(10);
    zk.partition(client, "up");
    create(client, "/late", log, EPHEMERAL);
    await clock.advance(20_500);
    expect([log, zk.tickets()]).toEqual([["connect", "connecting", "create -7 null"], []]);
    zk.heal(client);
    await clock.advance(0);
    expect(zk.tickets().map(({ path }) => path)).toEqual(["/late"]);
  });

  test("on the way down, requests are carried out, and the replies come when it heals", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    zk.partition(client, "down");
    create(client, "/a", log);
    await clock.advance(1_000);
    expect([zk.dump("/a").length, log]).toEqual([1, ["connect"]]);
    zk.heal(client);
    await clock.advance(0);
    expect(log).toEqual(["connect", "create 0 /a"]);
  });
});

describe("a lost reply", () => {
  test("with the connection: carried out, and connection loss", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    zk.dropReply(client, "create");
    get(client, "/", log);
    create(client, "/a", log);
    await clock.advance(20);
    expect(log).toEqual(["connect", "get 0", "connecting", "create -4 null", "connect"]);
    expect(zk.dump("/a")).toHaveLength(1);
  });

  test("on a live connection: nothing, until the next reply fails both", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    zk.dropReply(client, "any", { keepOpen: true });
    remove(client, "/no", log);
    await clock.advance(2_000);
    expect(log).toEqual(["connect"]);
    get(client, "/", log);
    await clock.advance(20);
    expect(log).toEqual(["connect", "connecting", "delete -2", "get -2", "connect"]);
  });

  test("on a live connection without a next reply: a timeout, for a client that waits sends no heartbeat", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    zk.dropReply(client, "delete", { keepOpen: true });
    remove(client, "/no", log);
    await clock.advance(4_100);
    expect(log.slice(0, 3)).toEqual(["connect", "connecting", "delete -7"]);
  });

  test("can be taken back", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    zk.dropReply(client, "get")();
    get(client, "/", log);
    await clock.advance(10);
    expect(log).toEqual(["connect", "get 0"]);
  });
});

describe("other faults", () => {
  test("an expiry deletes the session's nodes; its client comes back to find out", async () => {
    const { clock, zk } = ensemble();
    const [{ client, log }, witness] = [started(zk), started(zk)];
    await clock.advance(10);
    create(client, "/mine", log, EPHEMERAL);
    await clock.advance(10);
    get(witness.client, "/mine", witness.log, true);
    await clock.advance(10);
    expect(zk.expire(client)).toBe(true);
    expect([zk.expire(client), zk.expire("no such session")]).toEqual([false, false]);
    await clock.advance(20);
    expect(witness.log.at(-1)).toBe("deleted /mine");
    expect(log.slice(2)).toEqual(["connecting", "close -112"]);
    expect(zk.expire(witness.client.client_id)).toBe(true);
  });

  test("a delay holds replies up, and none overtakes another when it ends", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    zk.delay(client, 100);
    get(client, "/", log);
    await clock.advance(50);
    zk.delay(client, 0);
    list(client, "/", log);
    await clock.advance(51);
    expect(log).toEqual(["connect"]);
    await clock.advance(1);
    expect(log).toEqual(["connect", "get 0", "list 0 zookeeper"]);
  });

  test("a client's process that is stopped past its session finds it expired", async () => {
    const { clock, zk } = ensemble();
    const process = clock.process();
    const { client, log } = started(zk, { clock: process });
    await clock.advance(10);
    process.pause();
    await clock.advance(10_000);
    expect([zk.sessions(), log]).toEqual([[], ["connect"]]);
    process.resume();
    await clock.advance(20);
    expect([log, client.state]).toEqual([["connect", "connecting", "close -112"], 0]);
  });

  test("a closed client's requests can be lost with it, and its session live on", async () => {
    const { clock, zk } = ensemble({ closeLosesRequests: 1 });
    const [busy, idle] = [started(zk), started(zk)];
    await clock.advance(10);
    create(busy.client, "/a", busy.log);
    clock.soon(() => [busy, idle].forEach(({ client }) => client.close()));
    await clock.advance(0);
    expect([zk.sessions().map(({ id }) => id), zk.dump("/a")]).toEqual([[busy.client.client_id], []]);
    expect(busy.log.slice(1)).toEqual(["create -116 null", "close 0"]);
  });

  test("a new leader starts a new epoch, and sessions outlive the election", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    create(client, "/mine", log, EPHEMERAL);
    await clock.advance(10);
    const before = zk.lastZxid;
    zk.electLeader();
    await clock.advance(20);
    create(client, "/next", log);
    await clock.advance(10);
    expect([Math.floor(before / 2 ** 32), zk.lastZxid]).toEqual([1, 2 * 2 ** 32 + 1]);
    expect(log).toEqual(["connect", "create 0 /mine", "connecting", "connect", "create 0 /next"]);
  });

  test("a server without a quorum refuses writes, and takes no zxid for them", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    zk.readOnly = true;
    const before = zk.lastZxid;
    create(client, "/a", log);
    get(client, "/", log);
    await clock.advance(10);
    expect([log, zk.lastZxid - before]).toEqual([["connect", "create -119 null", "get 0"], 0]);
  });

  test("a message that is too long ends the connection", async () => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    await clock.advance(10);
    client.a_create("/big", Buffer.alloc(2 ** 20), 0, (code) => void log.push(`create ${code}`));
    await clock.advance(10);
    expect(log.slice(0, 3)).toEqual(["connect", "connecting", "create -4"]);
  });

  test.each([
    [0, "is closed", true],
    [0, "expires", false],
    [1, "is closed", true],
    [1, "expires", false],
  ])("a session that is too large by %d bytes and %s: the servers die of it, or do not", async (excess, _, closes) => {
    const { clock, zk } = ensemble();
    const { client, log } = started(zk);
    const bystander = started(zk);
    await clock.advance(10);
    // Names of 1,019 characters: with the slash and four bytes of length, 1,024 bytes each; one megabyte and nothing more.
    for (let number = 0; number < 1_024; number += 1) {
      const length = 1_019 + (number === 0 ? excess - 1 : 0);
      create(client, `/${String(number).padEnd(length, "x")}`, [], EPHEMERAL);
    }
    await clock.advance(100);
    expect(zk.tickets()).toHaveLength(1_024);
    if (closes) client.close();
    else zk.expire(client);
    const after = started(zk);
    await clock.advance(20_000);
    if (excess === 0) {
      expect([zk.hazards, zk.tickets(), bystander.log, after.log]).toEqual([[], [], ["connect"], ["connect"]]);
    } else {
      expect(zk.hazards).toEqual([{ kind: "session-too-large", client, atMs: expect.any(Number) }]);
      expect([zk.tickets().length, bystander.log, after.log]).toEqual([1_024, ["connect", "connecting"], []]);
    }
    expect(log[0]).toBe("connect");
  });

  test("what kills the process of a real client is written down", async () => {
    const { clock, zk } = ensemble();
    const [inCallback, afterIt, outside] = [started(zk), started(zk), started(zk)];
    await clock.advance(10);
    inCallback.client.a_get("/", false, () => inCallback.client.close());
    afterIt.client.a_get("/", false, () => void Promise.resolve().then(() => afterIt.client.close()));
    outside.client.a_get_acl("/no", () => clock.soon(() => outside.client.close()));
    await clock.advance(10);
    expect(zk.hazards.map(({ kind, client }) => [kind, client === outside.client])).toEqual([
      ["close-in-callback", false],
      ["close-in-callback", false],
      ["failed-get-acl", true],
    ]);
  });
});
