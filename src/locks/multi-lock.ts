import { EventEmitter } from "node:events";
import { type Clock, readableMs, systemClock } from "../common/clock.js";
import { AcquireTimeoutError, type LockLostError, NotHeldError } from "../errors.js";
import type { ResourceHold } from "../hold/hold.js";
import { later } from "../common/later.js";
import type { ZkLock } from "./lock.js";
import { type FencingTokens, type MultiHold, MultiLockHold } from "./multi-lock-hold.js";
import { checkAcquireOptions } from "../option-checks.js";
import type { AcquireOptions } from "../options.js";
import { giveBackAll } from "../local/run-inside.js";
import type { TakenBy, Taking } from "../local/taking.js";

/** The events of a ZkMultiLock. */
export interface MultiLockEvents {
  /** All resources were taken. Entering them again is not told. */
  acquired: [tokens: FencingTokens];
  /** All resources were given back for good. */
  released: [tokens: FencingTokens];
  /** One of the holds was lost, and with it all: stop using the resources. */
  lost: [error: LockLostError];
}

/**
 * Several resources as one lock: all or nothing. They are taken in one fixed order, the same for everybody, so that two
 * multi-locks never wait for each other in a circle. Within one process a hold is shared as with ZkLock: bodies of
 * `using` exclude each other, and the hold of a bare `acquire()` belongs to the whole process.
 */
export class ZkMultiLock extends EventEmitter<MultiLockEvents> {
  /** The names of the resources, in the order in which they are taken, without duplicates. */
  readonly resources: readonly string[];
  readonly #locks: readonly ZkLock[];
  readonly #clock: Clock;
  /** What was taken and not given back, the latest last. */
  readonly #holds: MultiLockHold[] = [];
  /** Those of them that a bare acquire took, the latest last. */
  readonly #acquired: MultiLockHold[] = [];

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
  }

  /**
   * Takes all resources within one deadline, or none, and gives their tokens.
   * @throws as ZkLock.acquire, and LockLostError when one was lost while we waited for the next. What had been taken by
   *   then is given back.
   */
  async acquire(options: AcquireOptions = {}): Promise<FencingTokens> {
    const hold = await this.#takeAll("acquire", options);
    this.#acquired.push(hold);
    return hold.tokens;
  }

  /** Takes all resources if they are free now. Null: somebody else holds one of them, and none was taken. */
  async tryAcquire(): Promise<FencingTokens | null> {
    const hold = await this.#all((lock) => lock.tryTake("acquire"));
    if (hold === null) return null;
    this.#acquired.push(hold);
    return hold.tokens;
  }

  /** As `acquire`, with what was taken as one object: see ZkLock.hold. @throws as `acquire` */
  async hold(options: AcquireOptions = {}): Promise<MultiLockHold> {
    return this.#takeAll("object", options);
  }

  /**
   * Gives back all that the latest `acquire` took, the last one taken first. False: there was nothing to release.
   * @throws LockLostError once, if one of the holds was lost; the others are given back all the same
   */
  async release(): Promise<boolean> {
    const hold = this.#acquired.pop();
    if (hold === undefined) return false;
    try {
      return await hold.release();
    } catch (error) {
      await this.#settleLosses();
      throw error;
    }
  }

  /**
   * Runs `body` while it holds all resources, and gives them back on every way out.
   * @throws as `acquire`, and LockLostError if one was lost meanwhile, even if the body ended well
   */
  async using<T>(body: (hold: MultiHold) => Promise<T> | T, options: AcquireOptions = {}): Promise<T> {
    const hold = await this.#takeAll("body", options);
    return hold.runAndRelease(body);
  }

  /** Asks the quorum whether all holds stand, and gives their tokens. @throws NotHeldError, LockLostError */
  async renew(): Promise<FencingTokens> {
    const hold = this.#holds.at(-1);
    if (hold === undefined) throw this.#notHeld();
    return hold.renew();
  }

  /** A token for each resource, of what was taken last; null unless all are held, by the lease clock. */
  get tokens(): FencingTokens | null {
    const hold = this.#holds.at(-1);
    return hold?.isHeld === true ? hold.tokens : null;
  }

  /** Whether all holds that were taken last stand, by the lease clock. */
  get isHeld(): boolean {
    return this.tokens !== null;
  }

  /**
   * The signal of what was taken last. It aborts with LockLostError as soon as one of the holds is lost. Without a hold
   * it is aborted already, with NotHeldError.
   */
  get signal(): AbortSignal {
    return this.#holds.at(-1)?.signal ?? AbortSignal.abort(this.#notHeld());
  }

  async #takeAll(by: TakenBy, options: AcquireOptions): Promise<MultiLockHold> {
    checkAcquireOptions(options);
    const take = this.#withinOneDeadline(by, options);
    return (await this.#all(take)) as MultiLockHold;
  }

  async #all(take: (lock: ZkLock) => Promise<Taking | null>): Promise<MultiLockHold | null> {
    await this.#settleLosses();
    const takings: Taking[] = [];
    try {
      for (const lock of this.#locks) {
        const taking = await take(lock);
        if (taking === null) break;
        takings.push(taking);
      }
      // The first may have been lost while we waited for the last, and even been taken again by this process.
      for (const { hold } of takings) hold.assertHeld();
    } catch (error) {
      await giveBackAll(takings).catch(() => undefined);
      throw error;
    }
    if (takings.length === this.#locks.length) return this.#keep(takings);
    await giveBackAll(takings).catch(() => undefined);
    return null;
  }

  /** Gives back what a loss left of earlier acquires: the other holds, which nobody can use any more. */
  async #settleLosses(): Promise<void> {
    for (const hold of this.#acquired.filter(({ isLost }) => isLost)) {
      this.#acquired.splice(this.#acquired.indexOf(hold), 1);
      await hold.release().catch(() => undefined);
    }
  }

  #keep(takings: readonly Taking[]): MultiLockHold {
    const isFirst = this.#holds.length === 0;
    const hold = new MultiLockHold(
      takings,
      (lost) => this.#onLost(lost),
      (released) => this.#drop(released),
    );
    this.#holds.push(hold);
    if (isFirst) later(() => this.emit("acquired", hold.tokens));
    return hold;
  }

  /** The first loss is the loss of all that was taken and re-entered. */
  #onLost(hold: ResourceHold): void {
    if (this.#holds.some(({ lossTold }) => lossTold)) return;
    later(() => {
      if (this.listenerCount("lost") > 0) this.emit("lost", hold.lostError);
    });
  }

  #drop(hold: MultiLockHold): void {
    this.#holds.splice(this.#holds.indexOf(hold), 1);
    if (this.#holds.length === 0 && !hold.isLost) later(() => this.emit("released", hold.tokens));
  }

  /** Each lock gets what is left of the one deadline for all. */
  #withinOneDeadline(
    by: TakenBy,
    { timeout = this.acquireTimeoutMs, signal }: AcquireOptions,
  ): (lock: ZkLock) => Promise<Taking> {
    const startedAt = this.#clock.monotonicMs();
    return async (lock) => {
      const options = signal === undefined ? {} : { signal };
      if (timeout === undefined) return lock.take(options, by);
      const leftMs = Math.max(0, timeout - (this.#clock.monotonicMs() - startedAt));
      if (leftMs > 0 || timeout === 0) return lock.take({ ...options, timeout: leftMs }, by, timeout);
      const { resource } = lock;
      throw new AcquireTimeoutError(`"${resource}" was not to be had within ${readableMs(timeout)} ms, all told.`, {
        resource,
      });
    };
  }

  #notHeld(): NotHeldError {
    return new NotHeldError(`Not held: ${this.resources.map((resource) => `"${resource}"`).join(", ")}.`);
  }
}
