import type { ZkLock } from "../../src/index.js";
import { ZkLockManager } from "../../src/index.js";
import type { InMemoryClient, InMemoryZooKeeper, ProcessClock } from "../../src/testing/index.js";
import type { Observer } from "./observer.js";
import { type Patience, PERMITS, RESOURCES } from "./schedule.js";

/** One process of the simulated world: a manager on a clock of its own, and everything it has asked for. */
export class SimulatedProcess {
  readonly manager: ZkLockManager;
  client: InMemoryClient;
  /** Acquires that have not settled. */
  pending = 0;
  /** Calls of any kind that have not settled, for the message when they never do. */
  readonly unsettled = new Set<string>();
  readonly #locks = new Map<string, ZkLock>();

  constructor(
    readonly name: string,
    readonly clock: ProcessClock,
    private readonly zk: InMemoryZooKeeper,
    private readonly observer: Observer,
    sequenceLimit: number,
  ) {
    this.manager = new ZkLockManager({ identity: { name }, sequenceLimit });
    this.client = zk.client({ clock, timeout: 4_000, server: Number(name) % 2 });
    this.manager.init(this.client);
    this.manager.on("error", () => undefined);
  }

  /** A fresh client, where the last one's session has ended. */
  reconnectIfEnded(): void {
    if (this.clock.isPaused) return;
    const fresh = this.zk.client({ clock: this.clock, timeout: 4_000, server: Number(this.name) % 2 });
    try {
      this.manager.init(fresh);
      this.client = fresh;
    } catch {
      // The last one lives.
    }
  }

  acquire(resource: number, writes: boolean, { timeout, abortAfterMs }: Patience): void {
    const lock = this.#lock(resource, writes);
    const signal = abortAfterMs === undefined ? undefined : this.#abortAfter(abortAfterMs);
    this.pending += 1;
    this.#call(`acquire ${lock.resource}`, async () => {
      try {
        await lock.acquire({ ...(timeout !== undefined && { timeout }), ...(signal && { signal }) });
      } finally {
        this.pending -= 1;
      }
    });
  }

  release(resource: number, writes: boolean): void {
    const lock = this.#lock(resource, writes);
    this.#call(`release ${lock.resource}`, () => lock.release());
  }

  releaseAll(): void {
    for (const lock of this.#locks.values()) this.#call(`release ${lock.resource}`, () => lock.release());
  }

  /** What this process believes to hold, by its own clock; nothing while it is stopped. */
  beliefs(): { resource: string; kind: string; token: number }[] {
    return this.clock.isPaused ? [] : this.manager.holds();
  }

  #lock(index: number, writes: boolean): ZkLock {
    const resource = RESOURCES[index % RESOURCES.length] ?? RESOURCES[0];
    const key = resource === "document" && writes ? "document (write)" : resource;
    const existing = this.#locks.get(key);
    if (existing !== undefined) return existing;
    const lock = this.#makeLock(resource, writes);
    lock.on("acquired", (token) => this.observer.granted(this.name, key, token));
    lock.on("lost", () => undefined);
    this.#locks.set(key, lock);
    return lock;
  }

  #makeLock(resource: (typeof RESOURCES)[number], writes: boolean): ZkLock {
    switch (resource) {
      case "mutex":
        return this.manager.createLock(resource);
      case "other mutex":
        return this.manager.createLock(resource, { reentrancy: "none" });
      case "document": {
        const lock = this.manager.createReadWriteLock(resource);
        return writes ? lock.write : lock.read;
      }
      case "pool":
        return this.manager.createSemaphore(resource, { maxConcurrentHolders: PERMITS });
      default:
        return resource satisfies never;
    }
  }

  #abortAfter(delayMs: number): AbortSignal {
    const controller = new AbortController();
    this.clock.after(delayMs, () => controller.abort(new Error("aborted by the schedule")));
    return controller.signal;
  }

  /** Every promise must settle, by whatever way. */
  #call(what: string, call: () => Promise<unknown>): void {
    const label = `${this.name}: ${what} #${(calls += 1)}`;
    this.unsettled.add(label);
    void call()
      .catch((error: unknown) => this.observer.failed(label, error))
      .finally(() => this.unsettled.delete(label));
  }
}

let calls = 0;
