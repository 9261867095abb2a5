import { EventEmitter } from "node:events";
import { onAbort } from "./abort.js";
import { type Clock, systemClock } from "./clock.js";
import { AcquireTimeoutError, type LockLostError } from "./errors.js";
import type { Hold } from "./hold.js";
import { later } from "./later.js";
import type { ZkLock } from "./lock.js";
import { type AcquireOptions, checkAcquireOptions } from "./options.js";
import type { FencingToken } from "./ticket.js";

/** A token for each resource. */
export type FencingTokens = ReadonlyMap<string, FencingToken>;

/** What the body of a multi-lock's `using` is handed. */
export interface MultiHold {
  readonly tokens: FencingTokens;
  /** Aborts with LockLostError as soon as one of the holds is lost. */
  readonly signal: AbortSignal;
  /** What is left of the shortest lease, in milliseconds. */
  readonly leaseMs: number;
  /** @throws LockLostError, NotHeldError */
  assertHeld(): void;
}

interface MultiLockEvents {
  acquired: [tokens: FencingTokens];
  released: [tokens: FencingTokens];
  /** One of them is lost, and with it all. */
  lost: [error: LockLostError];
}

/**
 * Several resources as one lock: all or nothing. They are taken in one fixed order, the same for everybody, so that two
 * multi-locks never wait for each other in a circle.
 */
export class ZkMultiLock extends EventEmitter<MultiLockEvents> {
  /** In the order in which they are taken, without duplicates. */
  readonly resources: readonly string[];
  readonly #locks: readonly ZkLock[];
  readonly #clock: Clock;
  /** How often all of them were acquired and not released. */
  #count = 0;
  /** How many bodies of `using` run. */
  #bodies = 0;
  /** One of the holds was lost since they were taken. */
  #lost = false;

  /** @internal Locks are made by their manager. */
  constructor(
    locks: readonly ZkLock[],
    private readonly acquireTimeoutMs: number | undefined,
    clock: Clock = systemClock,
  ) {
    super();
    this.#locks = locks;
    this.#clock = clock;
    this.resources = locks.map(({ resource }) => resource);
    for (const lock of locks) lock.on("lost", (error) => this.#onLost(lock, error));
  }

  /**
   * Takes them all, within one deadline, or none.
   * @throws as ZkLock.acquire; what had been taken by then is given back
   */
  async acquire(options: AcquireOptions = {}): Promise<FencingTokens> {
    checkAcquireOptions(options);
    const within = this.#sharedDeadline(options);
    return this.#all((lock) => lock.acquire(within(lock)));
  }

  /** Takes them all if they are free now; null: somebody else has one of them. */
  async tryAcquire(): Promise<FencingTokens | null> {
    return this.#all((lock) => lock.tryAcquire());
  }

  /**
   * Gives them all back, the last one taken first. False: there was nothing to release.
   * @throws LockLostError once, if one of the holds was lost; the others are given back all the same
   */
  async release(): Promise<boolean> {
    if (this.#count === 0) return false;
    const { tokens } = this;
    this.#count -= 1;
    const results = await this.#giveBack(this.#locks);
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      await this.#settleLoss();
      throw failed.reason;
    }
    this.#tellReleased(tokens);
    return true;
  }

  /** Runs `body` while holding them all. @throws LockLostError if one was lost meanwhile, even if the body ended well */
  async using<T>(body: (hold: MultiHold) => Promise<T> | T, options: AcquireOptions = {}): Promise<T> {
    checkAcquireOptions(options);
    const within = this.#sharedDeadline(options);
    if (this.#lost) await this.#settleLoss();
    let tokens: FencingTokens | null = null;
    const nest = ([lock, ...rest]: readonly ZkLock[], holds: readonly Hold[]): Promise<T> => {
      if (lock !== undefined) return lock.using((hold) => nest(rest, [...holds, hold]), within(lock));
      tokens = new Map(holds.map(({ token }, index) => [this.resources[index] ?? "", token]));
      return this.#run(body, holds, tokens);
    };
    try {
      return await nest(this.#locks, []);
    } finally {
      this.#tellReleased(tokens);
    }
  }

  /** Asks the quorum that all holds stand. @throws NotHeldError, LockLostError */
  async renew(): Promise<FencingTokens> {
    const tokens = await Promise.all(this.#locks.map(async (lock) => [lock.resource, await lock.renew()] as const));
    return new Map(tokens);
  }

  /** A token for each resource; null unless all are held, by the lease clock. */
  get tokens(): FencingTokens | null {
    if (!this.#isTaken) return null;
    const tokens = new Map<string, FencingToken>();
    for (const { resource, token } of this.#locks) {
      if (token === null) return null;
      tokens.set(resource, token);
    }
    return tokens;
  }

  get isHeld(): boolean {
    return this.tokens !== null;
  }

  async #all(take: (lock: ZkLock) => Promise<FencingToken>): Promise<FencingTokens>;
  async #all(take: (lock: ZkLock) => Promise<FencingToken | null>): Promise<FencingTokens | null>;
  async #all(take: (lock: ZkLock) => Promise<FencingToken | null>): Promise<FencingTokens | null> {
    if (this.#lost) await this.#settleLoss();
    const tokens = new Map<string, FencingToken>();
    const taken: ZkLock[] = [];
    try {
      for (const lock of this.#locks) {
        const token = await take(lock);
        if (token === null) break;
        tokens.set(lock.resource, token);
        taken.push(lock);
      }
      // The first may have been lost while we waited for the last: renew says how.
      for (const lock of taken) if (!lock.isHeld) await lock.renew();
    } catch (error) {
      await this.#giveBack(taken);
      throw error;
    }
    if (taken.length < this.#locks.length) {
      await this.#giveBack(taken);
      return null;
    }
    this.#tellAcquired(tokens);
    this.#count += 1;
    return tokens;
  }

  async #giveBack(locks: readonly ZkLock[]): Promise<PromiseSettledResult<boolean>[]> {
    const results: PromiseSettledResult<boolean>[] = [];
    for (const lock of locks.toReversed()) {
      const [result] = await Promise.allSettled([lock.release()]);
      results.push(result);
    }
    return results;
  }

  /** What a loss left: the other holds, however often they were taken. */
  async #settleLoss(): Promise<void> {
    for (; this.#count > 0; this.#count -= 1) await this.#giveBack(this.#locks);
  }

  async #run<T>(body: (hold: MultiHold) => Promise<T> | T, holds: readonly Hold[], tokens: FencingTokens): Promise<T> {
    const abort = new AbortController();
    const unhook = holds.map(({ signal }) => onAbort(signal, (reason) => abort.abort(reason)));
    this.#tellAcquired(tokens);
    this.#bodies += 1;
    try {
      // Listeners hear of it before the body begins.
      await Promise.resolve();
      return await body({
        tokens,
        signal: abort.signal,
        get leaseMs() {
          return Math.min(...holds.map(({ leaseMs }) => leaseMs));
        },
        assertHeld: () => {
          for (const hold of holds) hold.assertHeld();
        },
      });
    } finally {
      for (const stop of unhook) stop();
      this.#bodies -= 1;
    }
  }

  /** What is left of the one deadline for all, each time that another lock is asked for. */
  #sharedDeadline({ timeout = this.acquireTimeoutMs, signal }: AcquireOptions): (lock: ZkLock) => AcquireOptions {
    const startedAt = this.#clock.monotonicMs();
    return ({ resource }) => {
      const options = signal === undefined ? {} : { signal };
      if (timeout === undefined || timeout === 0) return timeout === undefined ? options : { ...options, timeout };
      const leftMs = timeout - (this.#clock.monotonicMs() - startedAt);
      if (leftMs > 0) return { ...options, timeout: leftMs };
      throw new AcquireTimeoutError(`Timed out after ${timeout} ms, all told, waiting for "${resource}".`, {
        resource,
      });
    };
  }

  get #isTaken(): boolean {
    return this.#count > 0 || this.#bodies > 0;
  }

  #tellAcquired(tokens: FencingTokens): void {
    if (this.#isTaken) return;
    this.#lost = false;
    later(() => this.emit("acquired", tokens));
  }

  #tellReleased(tokens: FencingTokens | null): void {
    if (tokens !== null && !this.#isTaken && !this.#lost) later(() => this.emit("released", tokens));
  }

  /** The first loss is the loss of all. */
  #onLost(lock: ZkLock, error: LockLostError): void {
    if (!this.#isTaken || this.#lost) return;
    this.#lost = true;
    if (this.listenerCount("lost") > 0) later(() => this.emit("lost", error));
    // A body of `using` hears of it by its signal, and its caller by the rejection.
    else if (this.#bodies === 0) lock.reportUnheard(error);
  }
}
