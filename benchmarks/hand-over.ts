import { ZkLockManager } from "../src/index.js";
import type { ZkLock } from "../src/index.js";
import { type Plan, type Result, Sample } from "./rounds.js";

/** How many tasks want the lock at once, in one process. */
const TASKS = 8;

/** From one manager's release to the other's grant, both always waiting: two sessions in one process. */
export async function contendedHandOver(servers: string, rootDir: string, plan: Plan): Promise<Result> {
  const managers = [
    await ZkLockManager.connect(servers, { rootDir }),
    await ZkLockManager.connect(servers, { rootDir }),
  ];
  const locks = managers.map((manager) => manager.createLock("contended"));
  const result = await handOvers("hand-over between two managers", locks, plan);
  await Promise.all(managers.map((manager) => manager.close()));
  return result;
}

/** From one task's release to the next one's grant within one manager; each hold has a token of its own. */
export async function localHandOver(servers: string, rootDir: string, plan: Plan): Promise<Result> {
  const manager = await ZkLockManager.connect(servers, { rootDir });
  const locks = Array.from({ length: TASKS }, () => manager.createLock("local", { reentrancy: "none" }));
  const result = await handOvers(`hand-over between ${TASKS} tasks of one manager`, locks, plan);
  await manager.close();
  return result;
}

async function handOvers(name: string, locks: readonly ZkLock[], plan: Plan): Promise<Result> {
  const sample = new Sample();
  for (let round = 0; round < plan.rounds; round += 1) {
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    let holds = 0;
    let releasedAt: number | null = null;
    const takeTurns = async (lock: ZkLock): Promise<void> => {
      while (performance.now() - startedAt < plan.roundMs) {
        await lock.acquire();
        if (releasedAt !== null) sample.addLatency(performance.now() - releasedAt);
        holds += 1;
        releasedAt = performance.now();
        await lock.release();
      }
    };
    await Promise.all(locks.map(takeTurns));
    sample.addRound({ cycles: holds, tookMs: performance.now() - startedAt, cpu: process.cpuUsage(cpuBefore) });
  }
  return sample.summary(name);
}
