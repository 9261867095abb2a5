import type { ZkLock, ZkLockManager } from "../../src/index.js";
import type { Mode } from "./history.js";
import type { Random } from "./random.js";

const PERMITS = 2;
/** Seldom asked for, so that their directories are reaped in between. */
const RARE = 12;

/** What a worker asks for: a resource, and how. */
export interface Wish {
  readonly resource: string;
  readonly mode: Mode;
}

/** `forLong`: what is held for seconds, so that a hold meets faults that last. */
export function drawWish(random: Random, forLong: boolean): Wish {
  if (forLong) return { resource: `long-${random.between(1, 2)}`, mode: { mode: "exclusive" } };
  const share = random.between(1, 100);
  if (share <= 25) return { resource: "mutex-1", mode: { mode: "exclusive" } };
  if (share <= 45) return { resource: "mutex-2", mode: { mode: "exclusive" } };
  if (share <= 55) return { resource: `rare-${random.between(1, RARE)}`, mode: { mode: "exclusive" } };
  if (share <= 70) return { resource: "semaphore", mode: { mode: "permit", limit: PERMITS } };
  return { resource: "read-write", mode: { mode: random.chance(65) ? "shared" : "exclusive" } };
}

/** A handle of its own for each wish: tasks of one process exclude each other like strangers. */
export function lockFor(manager: ZkLockManager, { resource, mode }: Wish): ZkLock {
  const options = { reentrancy: "none" } as const;
  if (mode.mode === "permit") return manager.createSemaphore(resource, { maxConcurrentHolders: mode.limit });
  if (resource !== "read-write") return manager.createLock(resource, options);
  const both = manager.createReadWriteLock(resource, options);
  return mode.mode === "shared" ? both.read : both.write;
}
