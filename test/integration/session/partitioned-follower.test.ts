import { afterEach, expect, test } from "@jest/globals";
import { freePort } from "../../../scripts/lib/free-port.mjs";
import { ZkLockManager } from "../../../src/index.js";
import { queueOf } from "../../../src/zookeeper/nodes/ticket-names.js";
import { nowMs } from "../../chaos/clock.js";
import { PlainProxy } from "../../chaos/plain-proxy.js";
import { noLeaks } from "../../helpers/leaks.js";
import { RawClient } from "../../helpers/raw-client.js";
import { mode } from "../../helpers/server-statistics.js";
import { testProperties } from "../../helpers/test-server.mjs";
import { until } from "../../helpers/until.js";
import { ZooKeeperServer } from "../../helpers/zookeeper-server.js";

const SESSION_MS = 4_000;
const TICK_MS = 500;
/** A follower that does not hear the leader for so long stops serving. Long, so that there is something to see until then. */
const SYNC_LIMIT_TICKS = 18;
const TEST_TIMEOUT_MS = 90_000;

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
afterEach(noLeaks());

/**
 * An ensemble of which one follower reaches the others through proxies only. With the lowest number it never leads, and the
 * others answer it on the connections that it has opened.
 */
async function ensembleWithDistantFollower(): Promise<{
  follower: ZooKeeperServer;
  others: ZooKeeperServer[];
  partition: () => void;
}> {
  const ids = [1, 2, 3];
  const ports: { id: number; quorum: number; election: number }[] = [];
  for (const id of ids) ports.push({ id, quorum: await freePort(), election: await freePort() });
  const proxies: PlainProxy[] = [];
  const detour = async (port: number): Promise<number> => {
    const proxy = await PlainProxy.listen(port);
    proxies.push(proxy);
    cleanUps.push(() => proxy.dispose());
    return proxy.port;
  };
  const direct = new Map(ports.map(({ id, quorum, election }) => [id, `127.0.0.1:${quorum}:${election}`]));
  const distant = new Map(direct);
  for (const { id, quorum } of ports.slice(1)) {
    distant.set(id, `127.0.0.1:${await detour(quorum)}:${ports[id - 1]!.election}`);
  }
  const servers: ZooKeeperServer[] = [];
  for (const id of ids) {
    const peers = Object.fromEntries(
      [...(id === 1 ? distant : direct)].map(([peer, where]) => [`server.${peer}`, where]),
    );
    const server = new ZooKeeperServer({
      id,
      port: await freePort(),
      tickTimeMs: TICK_MS,
      config: { initLimit: 20, syncLimit: SYNC_LIMIT_TICKS, ...peers },
      properties: testProperties,
    });
    servers.push(server);
    cleanUps.push(() => server.stop());
    server.launch();
  }
  await Promise.all(servers.map((server) => server.serving()));
  const [follower, ...others] = servers as [ZooKeeperServer, ...ZooKeeperServer[]];
  expect(await mode(follower.connectString)).toBe("follower");
  return { follower, others, partition: () => proxies.forEach((proxy) => proxy.swallow()) };
}

async function managerOf(server: ZooKeeperServer): Promise<ZkLockManager> {
  const manager = await ZkLockManager.connect(server.connectString, { sessionTimeout: SESSION_MS });
  cleanUps.push(() => manager.close());
  return manager;
}

test(
  "a holder whose follower is cut off from the leader stops believing before the next is granted, while reads still say otherwise",
  async () => {
    const { follower, others, partition } = await ensembleWithDistantFollower();
    const holding = (await managerOf(follower)).createLock("r");
    const waiting = (await managerOf(others[0]!)).createLock("r");
    const reader = await RawClient.connect(follower.connectString, SESSION_MS);
    cleanUps.push(() => reader.close());
    const token = await holding.acquire();
    const seen: { believes: boolean; at: number }[] = [];
    let lostAt = 0;
    holding.once("lost", () => (lostAt = nowMs()));
    const granted = waiting.acquire().then((next) => ({ next, at: nowMs() }));
    const [ticket] = await until(
      async () => {
        const queue = queueOf(await reader.children("/locks/r"));
        return queue.length === 2 ? queue : null;
      },
      { what: "the waiter's ticket to be seen at the follower" },
    );

    const partitionedAt = nowMs();
    partition();
    const watching = setInterval(() => seen.push({ believes: holding.isHeld, at: nowMs() }), 5);
    cleanUps.push(() => clearInterval(watching));
    const { next, at: grantedAt } = await granted;

    expect(next).toBeGreaterThan(token);
    expect(holding.isHeld).toBe(false);
    // The belief ended before, with a margin; and not at once, for until then nothing was known to be wrong.
    expect(lostAt).toBeLessThan(grantedAt);
    expect(seen.filter(({ believes }) => believes).at(-1)!.at).toBeLessThan(grantedAt);
    expect(lostAt - partitionedAt).toBeLessThanOrEqual((SESSION_MS * 2) / 3 + 200);

    // The trap: the follower still answers, in a session that has ended, and still shows the old holder at the head.
    expect(queueOf(await reader.children("/locks/r"))[0]?.name).toBe(ticket!.name);
    let lastAnswerAt = nowMs();
    await until(
      async () => {
        if (reader.client.state !== 3) return true;
        await Promise.race([
          reader.children("/locks/r").then(
            () => (lastAnswerAt = nowMs()),
            () => undefined,
          ),
          new Promise((resolve) => setTimeout(resolve, 500)),
        ]);
        return false;
      },
      { what: "the follower to give up", timeoutMs: SYNC_LIMIT_TICKS * TICK_MS + 10_000, everyMs: 20 },
    );
    expect(lastAnswerAt).toBeGreaterThan(grantedAt);
  },
  TEST_TIMEOUT_MS,
);
