import { test } from "node:test";
import { type LockError, ZkLockManager } from "../../../../src/index.js";
import { InMemoryZooKeeper } from "../../../../src/testing/index.js";

/**
 * A program that has nothing else to live for than a promise with a bound, on servers in memory: no socket keeps it alive. The
 * environment says which promise, and whether it is awaited at the top or in a test of Node's own runner.
 */
const { AWAITED = "", WITHIN = "" } = process.env;
const zk = new InMemoryZooKeeper();
const client = zk.client();
const [holder, manager] = [zk.client(), client].map((one) => new ZkLockManager().init(one)) as [
  ZkLockManager,
  ZkLockManager,
];
const held = holder.createLock("r");
const lock = manager.createLock("r");

const awaited: Record<string, () => Promise<unknown>> = {
  "acquire with a timeout": () => lock.acquire({ timeout: 300 }),
  "using with a timeout": () => lock.using(() => undefined, { timeout: 300 }),
  "acquire of a lock with an acquireTimeout": () => manager.createLock("r", { acquireTimeout: 300 }).acquire(),
  "acquire of several": () => manager.createMultiLock(["q", "r"]).acquire({ timeout: 300 }),
  "acquire behind a hold of the same process": () =>
    holder.createLock("r", { reentrancy: "none" }).acquire({ timeout: 300 }),
  "acquire on a client that does not connect": () => {
    zk.disconnect(client);
    return lock.acquire({ timeout: 300 });
  },
  "acquire in a black hole": async () => {
    await manager.createLock("another").acquire();
    zk.partition(client);
    return lock.acquire({ timeout: 300 });
  },
  drain: async () => `left: ${(await holder.drain(300)).length}`,
  "close in a black hole": async () => {
    await lock.tryAcquire();
    await manager.createLock("another").acquire();
    zk.partition(client);
    await manager.close();
    return "closed";
  },
};

async function program(): Promise<void> {
  await held.acquire();
  const outcome = await awaited[AWAITED]!().catch((error: unknown) => (error as LockError).name);
  console.log(`outcome: ${String(outcome)}`);
}

if (WITHIN === "node --test") void test("a bound", program);
else await program();
