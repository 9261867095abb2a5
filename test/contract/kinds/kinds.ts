import type { AcquireOptions, LockLostError, LockOptions, ZkLockManager } from "../../../src/index.js";

/** What all kinds of locks offer alike. */
export interface AnyLock {
  acquire(options?: AcquireOptions): Promise<unknown>;
  tryAcquire(): Promise<unknown>;
  release(): Promise<boolean>;
  using<T>(body: (hold: AnyHold) => Promise<T> | T, options?: AcquireOptions): Promise<T>;
  renew(): Promise<unknown>;
  readonly isHeld: boolean;
  on(event: "acquired" | "released", listener: () => void): unknown;
  on(event: "lost", listener: (error: LockLostError) => void): unknown;
}

export interface AnyHold {
  readonly signal: AbortSignal;
  readonly leaseMs: number;
  assertHeld(): void;
}

export interface Kind {
  readonly name: string;
  /** The resources that a lock of this name takes a ticket of. */
  resources(name: string): readonly string[];
  lock(manager: ZkLockManager, name: string, options?: LockOptions): AnyLock;
  /** Locks that together keep every lock of this kind out, when each of them is held. */
  opponents(manager: ZkLockManager, name: string): readonly AnyLock[];
  /** The number that `acquire` resolved with. */
  numberOf(granted: unknown): number;
}

const PERMITS = 2;

const single: Pick<Kind, "resources" | "numberOf"> = {
  resources: (name) => [name],
  numberOf: (granted) => granted as number,
};

export const kinds: readonly Kind[] = [
  {
    ...single,
    name: "mutex",
    lock: (manager, name, options) => manager.createLock(name, options),
    opponents: (manager, name) => [manager.createLock(name)],
  },
  {
    ...single,
    name: "read lock",
    lock: (manager, name, options) => manager.createReadWriteLock(name, options).read,
    opponents: (manager, name) => [manager.createReadWriteLock(name).write],
  },
  {
    ...single,
    name: "write lock",
    lock: (manager, name, options) => manager.createReadWriteLock(name, options).write,
    opponents: (manager, name) => [manager.createReadWriteLock(name).read],
  },
  {
    ...single,
    name: "semaphore",
    lock: (manager, name, options) => manager.createSemaphore(name, { maxConcurrentHolders: PERMITS, ...options }),
    opponents: (manager, name) =>
      Array.from({ length: PERMITS }, () => manager.createSemaphore(name, { maxConcurrentHolders: PERMITS })),
  },
  {
    name: "multi-lock",
    resources: (name) => [name, `${name}-too`],
    lock: (manager, name, options) => manager.createMultiLock([`${name}-too`, name], options),
    // On the first of them, so that who waits has one ticket.
    opponents: (manager, name) => [manager.createLock(name)],
    numberOf: (granted) => Math.max(...(granted as ReadonlyMap<string, number>).values()),
  },
];
