import { EventEmitter } from "node:events";
import { onAbort } from "./abort.js";
import { type Clock, systemClock } from "./clock.js";
import { AcquireTimeoutError, type LockLostError } from "./errors.js";
import type { Hold } from "./hold.js";
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
    const tokens = this.tokens;
    this.#count -= 1;
    const results = await this.#giveBack(this.#locks);
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    if (this.#count === 0 && tokens !== null) this.emit("released", tokens);
    return true;
  }

  /** Runs `body` while holding them all. @throws LockLostError if one was lost meanwhile, even if the body ended well */
  async using<T>(body: (hold: MultiHold) => Promise<T> | T, options: AcquireOptions = {}): Promise<T> {
    checkAcquireOptions(options);
    const within = this.#sharedDeadline(options);
    const nest = ([lock, ...rest]: readonly ZkLock[], holds: readonly Hold[]): Promise<T> =>
      lock === undefined ? this.#run(body, holds) : lock.using((hold) => nest(rest, [...holds, hold]), within(lock));
    return nest(this.#locks, []);
  }

  /** Asks the quorum that all holds stand. @throws NotHeldError, LockLostError */
  async renew(): Promise<FencingTokens> {
    const tokens = await Promise.all(this.#locks.map(async (lock) => [lock.resource, await lock.renew()] as const));
    return new Map(tokens);
  }

  /** A token for each resource; null unless all are held, by the lease clock. */
  get tokens(): FencingTokens | null {
    if (this.#count === 0) return null;
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
    this.#count += 1;
    if (this.#count === 1) this.emit("acquired", tokens);
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

  async #run<T>(body: (hold: MultiHold) => Promise<T> | T, holds: readonly Hold[]): Promise<T> {
    const tokens = new Map(holds.map(({ token }, index) => [this.resources[index] ?? "", token]));
    const abort = new AbortController();
    const unhook = holds.map(({ signal }) => onAbort(signal, (reason) => abort.abort(reason)));
    this.emit("acquired", tokens);
    try {
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
      this.emit("released", tokens);
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
      throw new AcquireTimeoutError(`"${resource}" was not to be had within ${timeout} ms, all told.`, { resource });
    };
  }

  #onLost(lock: ZkLock, error: LockLostError): void {
    if (this.#count === 0) return;
    if (this.listenerCount("lost") > 0) this.emit("lost", error);
    else lock.reportUnheard(error);
  }
}
