import type { ZkLock, ZkLockManager } from "../../src/index.js";

export const LOCK_KINDS = ["mutex", "read", "write", "permit"] as const;
export type LockKind = (typeof LOCK_KINDS)[number];

/** A lock of a kind; a semaphore has two permits. All on the same name, they stand in one queue. */
export function lockOf(manager: ZkLockManager, kind: LockKind, resource: string): ZkLock {
  const options = { reentrancy: "none" } as const;
  switch (kind) {
    case "mutex":
      return manager.createLock(resource, options);
    case "read":
    case "write":
      return manager.createReadWriteLock(resource, options)[kind];
    case "permit":
      return manager.createSemaphore(resource, { maxConcurrentHolders: 2, ...options });
    default:
      return kind satisfies never;
  }
}
