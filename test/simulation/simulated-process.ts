import type { ZkLock } from "../../src/index.js";
import { ZkLockManager } from "../../src/index.js";
import type { ProcessClock } from "../../src/testing/index.js";
import type { Network } from "./network.js";
import type { Observer } from "./observer.js";
import { type Kind, KINDS, type Patience, PERMITS, type Resource } from "./schedule.js";

/** Tickets with paths of 60 kB: a session is full with fifteen of them. */
const LONG_ROOT = `/${"long".repeat(15_000)}`;
const FILLERS = 20;

/** One process of the simulated world: a manager on a clock of its own, and everything it has asked for. */
export class SimulatedProcess {
  readonly manager: ZkLockManager;
  /** Calls of any kind that have not settled, for the message when they never do. */
  readonly unsettled = new Set<string>();
  readonly #locks = new Map<string, ZkLock>();
  readonly #waiting: Resource[] = [];

  /** @param ownsSessions as a manager from `connect` does; else it is given one client after the other */
  constructor(
    readonly name: string,
    readonly clock: ProcessClock,
    readonly network: Network,
    private readonly ownsSessions: boolean,
    private readonly observer: Observer,
    sequenceLimit: number,
  ) {
    this.manager = new ZkLockManager({ identity: { name }, sequenceLimit });
    if (ownsSessions) this.manager.initFrom(() => network.source(), clock);
    else this.manager.init(network.client);
    this.manager.on("error", () => undefined);
  }

  /** A fresh client, where the last one's session has ended. */
  reconnectIfEnded(): void {
    const { network } = this;
    if (this.ownsSessions || this.clock.isPaused || !network.clientEnded) return;
    try {
      this.manager.init(network.freshClient());
    } catch {
      // The manager has not heard of the end yet.
      network.clientEnded = true;
    }
  }

  acquire(resource: Resource, kind: number, { timeout, abortAfterMs }: Patience): void {
    const lock = this.#lock(resource, kind);
    const signal = abortAfterMs === undefined ? undefined : this.#abortAfter(abortAfterMs);
    this.#call(`acquire ${lock.resource}`, async () => {
      this.#waiting.push(resource);
      try {
        await lock.acquire({ ...(timeout !== undefined && { timeout }), ...(signal && { signal }) });
      } finally {
        this.#waiting.splice(this.#waiting.indexOf(resource), 1);
      }
    });
  }

  /** Takes more than the session can end, below a root of its own with a very long name; or gives back what it took so. */
  fill(): void {
    const isFull = this.#fillers().some(({ isHeld }) => isHeld);
    for (const lock of this.#fillers()) {
      if (isFull) this.#call(`release ${lock.resource}`, () => lock.release());
      else this.#call(`acquire ${lock.resource}`, () => lock.acquire({ timeout: 5_000 }));
    }
  }

  /** The resource of each acquire that has not settled. */
  waiting(): readonly Resource[] {
    return this.#waiting;
  }

  release(resource: Resource, kind: number): void {
    const lock = this.#lock(resource, kind);
    this.#call(`release ${lock.resource}`, () => lock.release());
  }

  releaseAll(): void {
    for (const lock of this.#locks.values()) this.#call(`release ${lock.resource}`, () => lock.release());
  }

  /** What this process believes to hold, by its own clock; nothing while it is stopped. */
  beliefs(): { resource: string; kind: string; token: number }[] {
    return this.clock.isPaused ? [] : this.manager.holds();
  }

  /** How many listeners there are on the client, the network's own not counted. */
  get foreignListeners(): number {
    const { client } = this.network;
    const counts = client.eventNames().map((event) => client.listenerCount(event));
    return counts.reduce((sum, count) => sum + count, 0) - 1;
  }

  #lock(resource: Resource, choice: number): ZkLock {
    const kind = kindOf(resource, choice);
    const key = `${resource} (${kind})`;
    const existing = this.#locks.get(key);
    if (existing !== undefined) return existing;
    const lock = this.#makeLock(resource, kind);
    lock.on("acquired", (token) => this.observer.granted(this.name, resource, kind, token));
    lock.on("lost", () => undefined);
    this.#locks.set(key, lock);
    return lock;
  }

  #fillers(): ZkLock[] {
    return Array.from({ length: FILLERS }, (_, index) => {
      const resource = `filler ${index} of ${this.name}`;
      const existing = this.#locks.get(resource);
      if (existing !== undefined) return existing;
      const lock = this.manager.createLock(resource, { rootDir: LONG_ROOT, reentrancy: "none" });
      this.#locks.set(resource, lock);
      return lock;
    });
  }

  /** Who may enter a hold of the process is said each time: the world must not change with a default. */
  #makeLock(resource: Resource, kind: Kind): ZkLock {
    switch (kind) {
      case "mutex":
        return this.manager.createLock(resource, { reentrancy: resource === "mutex" ? "process" : "none" });
      case "read":
      case "write":
        return this.manager.createReadWriteLock(resource, { reentrancy: "process" })[kind];
      case "semaphore":
        return this.manager.createSemaphore(resource, { maxConcurrentHolders: PERMITS, reentrancy: "none" });
      default:
        return kind satisfies never;
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

/** In which way a resource is locked. */
function kindOf(resource: Resource, choice: number): Kind {
  switch (resource) {
    case "mutex":
    case "other mutex":
      return "mutex";
    case "document":
      return choice % 2 === 0 ? "read" : "write";
    case "pool":
      return "semaphore";
    case "mixed":
      return KINDS[choice] ?? "mutex";
    default:
      return resource satisfies never;
  }
}
