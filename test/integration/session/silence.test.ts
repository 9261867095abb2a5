import { describe, expect, test } from "@jest/globals";
import { ZkLockManager } from "../../../src/index.js";
import { InMemoryZooKeeper, VirtualClock } from "../../../src/testing/index.js";
import type { TcpProxy } from "../../helpers/tcp-proxy.js";
import { until } from "../../helpers/until.js";
import { journal, rejection, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

const TIMEOUT_MS = 6_000;
const SILENCE_MS = TIMEOUT_MS / 3;
const LEASE_MS = (TIMEOUT_MS * 2) / 3;
/** A busy machine's. */
const MARGIN_MS = 600;

/** What a manager says of its session, and how long after `since` it says it. */
function diary(manager: ZkLockManager, since: () => number): { event: string; atMs: number }[] {
  const entries: { event: string; atMs: number }[] = [];
  for (const event of ["connected", "suspended", "lost"] as const) {
    manager.on(event, () => entries.push({ event, atMs: performance.now() - since() }));
  }
  return entries;
}

const MAKERS: Record<string, (proxy: TcpProxy) => Promise<ZkLockManager>> = {
  "of our own": (proxy) => setting.manager({ sessionTimeout: TIMEOUT_MS }, proxy.connectString),
  "of our own, on our own client": (proxy) =>
    setting.manager({ sessionTimeout: TIMEOUT_MS, client: "wire" }, proxy.connectString),
  "that was handed in": async (proxy) => {
    const manager = setting.adopting(await setting.connectedClient(proxy.connectString, TIMEOUT_MS));
    await until(() => manager.session.state === "connected", { what: "the manager to be connected" });
    return manager;
  },
};

describe.each(Object.keys(MAKERS))("a black hole between the servers and a client %s", (kind) => {
  test.each(["a holder", "an idle session"])(
    "%s hears `suspended` after a third of the timeout, and `lost` after two",
    async (who) => {
      const proxy = await setting.proxy();
      const manager = await MAKERS[kind]!(proxy);
      setting.later(() => proxy.resume());
      const resource = setting.resource();
      const lock = manager.createLock(resource);
      const heard = journal(lock);
      await lock.acquire();
      if (who === "an idle session") await lock.release();
      // Not in the first moments of the session only: the keep-alive has done its part.
      await until(() => manager.session.leaseMs < LEASE_MS - 200, { what: "the lease to run a little" });
      let since = performance.now();
      const entries = diary(manager, () => since);
      await proxy.blackhole();
      since = performance.now();
      await until(() => entries.length === 2, { what: "both" });
      const [suspended, lost] = entries;
      expect([suspended!.event, lost!.event]).toEqual(["suspended", "lost"]);
      expect(suspended!.atMs).toBeLessThan(SILENCE_MS + MARGIN_MS);
      expect(lost!.atMs).toBeLessThan(LEASE_MS + MARGIN_MS);
      expect(lost!.atMs - suspended!.atMs).toBeGreaterThan(SILENCE_MS - MARGIN_MS);
      if (who === "a holder") {
        expect(heard).toEqual(["acquired", "suspended", "lost: lease-over"]);
        await rejection(lock.release());
      }
      await proxy.resume();
      await setting.queueOf(resource, 0);
    },
    30_000,
  );
});

test("on our own client a hold outlives the black hole around one server, where another one answers", async () => {
  const proxies = [await setting.proxy(), await setting.proxy()];
  const servers = proxies.map(({ connectString }) => connectString).join(",");
  const manager = await setting.manager({ sessionTimeout: TIMEOUT_MS, client: "wire" }, servers);
  const lock = manager.createLock(setting.resource());
  const heard = journal(lock);
  const token = await lock.acquire();
  const { id } = manager.session;
  const isUsed = await Promise.all(proxies.map(async (proxy) => (await proxy.connections()) > 0));
  const used = proxies[isUsed.indexOf(true)]!;
  setting.later(() => used.resume());
  await used.blackhole();
  await until(() => heard.length === 3, { what: "the hold to be saved" });
  expect(heard).toEqual(["acquired", "suspended", "resumed"]);
  expect([lock.token, manager.session.id]).toEqual([token, id]);
  expect(await lock.release()).toBe(true);
});

test("answers that come after a third of the timeout and before the lease is over: suspended and resumed, on the same connection", async () => {
  const [resource, other] = [setting.resource(), setting.resource()];
  const { proxy, manager } = await setting.proxied({ sessionTimeout: TIMEOUT_MS });
  const lock = manager.createLock(resource);
  const heard = journal(lock);
  const token = await lock.acquire();
  const stranger = (await setting.manager()).createLock(other);
  await stranger.acquire();
  const waiting = manager.createLock(other).acquire();
  await setting.queueOf(other, 2);
  const { id } = manager.session;
  await proxy.pause("toClient");
  await until(() => heard.includes("suspended"), { what: "the silence to be told" });
  // Its watch fires into the silence.
  await stranger.release();
  expect(lock.token).toBe(token);
  await proxy.resume();
  await until(() => heard.includes("resumed"), { what: "the answers to come" });
  expect(await waiting).toEqual(expect.any(Number));
  expect(heard).toEqual(["acquired", "suspended", "resumed"]);
  expect([await proxy.connections(), manager.session.id]).toEqual([1, id]);
  expect(await lock.release()).toBe(true);
});

test("a release in a silence resolves at once, when that is told, and the ticket goes with the first answer", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: TIMEOUT_MS });
  const lock = manager.createLock(resource);
  await lock.acquire();
  await proxy.pause("toServer");
  const released = lock.release();
  let isSuspended = false;
  manager.once("suspended", () => (isSuspended = true));
  await released;
  expect(isSuspended).toBe(true);
  expect(await setting.tickets(resource)).toHaveLength(1);
  await proxy.resume();
  await setting.queueOf(resource, 0);
});

describe("in memory, to the millisecond", () => {
  test.each([
    ["a holder", true],
    ["an idle session", false],
  ])("%s", async (_, holds) => {
    const clock = new VirtualClock();
    const zk = new InMemoryZooKeeper({ clock });
    const client = zk.client({ timeout: TIMEOUT_MS });
    const manager = new ZkLockManager().init(client);
    const heard: string[] = [];
    const note = (event: string) => () => heard.push(`${event} ${clock.monotonicMs()}`);
    manager.on("suspended", note("suspended")).on("lost", note("lost")).on("connected", note("connected"));
    const lock = manager.createLock("r");
    lock.on("suspended", note("hold suspended")).on("resumed", note("hold resumed")).on("lost", note("hold lost"));
    const acquired = holds ? lock.acquire() : undefined;
    // Beats each second: the last answer is of 5,000.
    await clock.advance(5_500);
    await acquired;
    zk.partition(client);
    await clock.advance(1_499);
    expect(heard).toEqual(["connected 0"]);
    await clock.advance(1);
    expect(heard.splice(0)).toEqual(["connected 0", "suspended 7000", ...(holds ? ["hold suspended 7000"] : [])]);
    await clock.advance(500);
    zk.heal(client);
    await clock.advance(100);
    expect(heard.splice(0)).toEqual(["connected 7500", ...(holds ? ["hold resumed 7500"] : [])]);
    expect(client.state).toBe(3);

    // Again, and for good. The beat of 7,000 was answered, late; so was that of 7,500 or 8,000.
    await clock.advance(2_400);
    zk.partition(client);
    await clock.advance(6_000);
    const told = heard.splice(0).map((line) => line.split(/ (?=\d)/) as [string, string]);
    const names = holds ? ["hold suspended", "suspended", "hold lost", "lost"] : ["suspended", "lost"];
    expect(told.map(([name]) => name).sort()).toEqual(names.sort());
    const at = Object.fromEntries(told.map(([name, ms]) => [name, Number(ms)]));
    expect(at["lost"]! - at["suspended"]!).toBe(LEASE_MS - SILENCE_MS);
    zk.heal(client);
    const closing = manager.close();
    await clock.advance(10_000);
    await closing;
    expect(zk.hazards).toEqual([]);
  });
});
