import { expect, test } from "@jest/globals";
import { ZkLockManager } from "../../../src/index.js";
import { fewAtATime } from "../../../src/common/few-at-a-time.js";
import { InMemoryZooKeeper, VirtualClock } from "../../../src/testing/index.js";
import { rejection, SESSION_MS, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

const MANY = 2_000;
/** A few of a manager's own, its keep-alive, and a watch or two besides. */
const FEW = 20;

interface Crowd {
  readonly manager: ZkLockManager;
  readonly zooKeeper: InMemoryZooKeeper;
  /** Resolves with the answer, and with how many requests were under way at most. */
  readonly mostUnderWay: (ask: Promise<unknown>) => Promise<{ answer: unknown; most: number }>;
}

/** An ensemble with so many resources, and one with so many readers that hold it. */
async function crowd(): Promise<Crowd> {
  const clock = new VirtualClock();
  const zooKeeper = new InMemoryZooKeeper({ clock, latencyMs: 1 });
  const manager = new ZkLockManager().init(zooKeeper.client({ timeout: 4_000 }));
  const owner = zooKeeper.client({ timeout: 60_000 });
  owner.init();
  await clock.advance(100);
  zooKeeper.create("/locks");
  for (let number = 0; number < MANY; number += 1) zooKeeper.create(`/locks/resource-${number}`);
  zooKeeper.create("/locks/read");
  for (let reader = 0; reader < MANY; reader += 1) {
    zooKeeper.create(`/locks/read/${reader}-__READ__`, "", { flags: 3, sessionId: owner.client_id });
  }
  const mostUnderWay: Crowd["mostUnderWay"] = async (ask) => {
    let most = 0;
    const state = { isDone: false };
    void ask.finally(() => (state.isDone = true)).catch(() => undefined);
    for (let steps = 0; !state.isDone && steps < 100_000; steps += 1) {
      await clock.advance(1);
      most = Math.max(most, zooKeeper.underWay.replies);
    }
    return { answer: await ask, most };
  };
  return { manager, zooKeeper, mostUnderWay };
}

test.each<[string, (manager: ZkLockManager) => Promise<number>, number]>([
  ["findDeadlocks over many resources", async (manager) => (await manager.findDeadlocks()).length, 0],
  ["inspect of a long queue", async (manager) => (await manager.inspect("read")).holders.length, MANY],
  ["inspect of everything at once", inspectAll, MANY + 1],
  ["a request to many holders", (manager) => manager.createLock("read").requestRelease(), MANY],
])("%s has a few requests under way at a time", async (_, ask, expected) => {
  const { manager, zooKeeper, mostUnderWay } = await crowd();
  const { answer, most } = await mostUnderWay(ask(manager));
  expect(answer).toBe(expected);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(FEW);
  zooKeeper.stop();
});

/** As a user may do it. */
async function inspectAll(manager: ZkLockManager): Promise<number> {
  return (await Promise.all((await manager.list()).map((resource) => manager.inspect(resource)))).length;
}

test("a watcher of a resource with many holders asks for a few at a time", async () => {
  const { manager, zooKeeper, mostUnderWay } = await crowd();
  const watcher = manager.watch("read");
  let locked = 0;
  const all = new Promise<void>((resolve) => watcher.on("locked", () => (locked += 1) === MANY && resolve()));
  const { most } = await mostUnderWay(all);
  expect(most).toBeLessThanOrEqual(FEW);
  watcher.close();
  zooKeeper.stop();
});

test("a process that looks at thousands of resources keeps its own hold, and its event loop runs", async () => {
  const resources = 5_000;
  await setting.raw.mkdirp(setting.root);
  for (let start = 0; start < resources; start += 500) {
    const some = Array.from({ length: 500 }, (_, number) => `${setting.root}/of-many-${start + number}`);
    await Promise.all(some.map((path) => setting.raw.create(path)));
  }
  const manager = await setting.manager({ sessionTimeout: SESSION_MS });
  const lock = manager.createLock(setting.resource());
  const token = await lock.acquire();
  let leastLeaseMs = Infinity;
  let longestMs = 0;
  // What this process computed between two turns: the wall clock would count what else runs on the machine.
  let before = process.cpuUsage();
  const looking = setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    longestMs = Math.max(longestMs, (user + system) / 1000);
    leastLeaseMs = Math.min(leastLeaseMs, manager.session.leaseMs);
  }, 5);
  setting.later(() => clearInterval(looking));
  expect(await manager.findDeadlocks()).toEqual([]);
  expect(lock.token).toBe(token);
  // Two beats of the keep-alive, which asks six times in a session timeout.
  expect(leastLeaseMs).toBeGreaterThan(SESSION_MS / 3);
  // 50 ms in a process of one's own; this one has a test runner's compiler and garbage in it.
  expect(longestMs).toBeLessThan(250);
  await lock.release();
}, 120_000);

test("keeps the order, and begins nothing more once something has failed", async () => {
  const items = Array.from({ length: 100 }, (_, index) => index);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const doubled = await fewAtATime(items, async (item) => {
    for (let turns = item % 3; turns >= 0; turns -= 1) await turn();
    return item * 2;
  });
  expect(doubled).toEqual(items.map((item) => item * 2));
  let begun = 0;
  const failing = fewAtATime(items, async (item) => {
    begun += 1;
    await turn();
    if (item === 3) throw new Error("the fourth");
  });
  expect(await rejection(failing)).toMatchObject({ message: "the fourth" });
  for (let turns = 0; turns < 10; turns += 1) await turn();
  expect(begun).toBeLessThanOrEqual(32);
  expect(await fewAtATime([], turn)).toEqual([]);
});
