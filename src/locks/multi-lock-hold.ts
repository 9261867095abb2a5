import { onAbort } from "../common/abort.js";
import type { ResourceHold } from "../hold/hold.js";
import { consultClock } from "../hold/hold-signal.js";
import { giveBackAll, runInside } from "../local/run-inside.js";
import type { Taking } from "../local/taking.js";
import { insideOf } from "../local/owner.js";
import type { FencingToken } from "../engine/ticket.js";

/** The fencing token of each resource, by its name. */
export type FencingTokens = ReadonlyMap<string, FencingToken>;

/** What the body of a multi-lock's `using` is handed. */
export interface MultiHold {
  /** The fencing token of each resource, to be sent along with each write. */
  readonly tokens: FencingTokens;
  /** Aborts with LockLostError as soon as one of the holds is lost. */
  readonly signal: AbortSignal;
  /** What is left of the shortest lease, in milliseconds; 0 when one is lost, or they have been given back. */
  readonly leaseMs: number;
  /**
   * Throws unless all of them stand, by the lease clock.
   * @throws LockLostError when one was lost, NotHeldError when they have been given back
   */
  assertHeld(): void;
}

/** The holds of several resources that were taken together, as one object that gives them back together. */
export class MultiLockHold implements MultiHold {
  readonly tokens: FencingTokens;
  readonly #takings: readonly Taking[];
  /** It is made at the first call that asks for the signal. */
  #abort: AbortController | null = null;
  #unhook: (() => void)[] = [];
  #isReleased = false;
  #lossTold = false;

  /**
   * @internal Holds are made by their lock.
   * @param onLost called once, with the first hold that is lost
   * @param onReleased called when they have been given back
   */
  constructor(
    takings: readonly Taking[],
    onLost: (hold: ResourceHold) => void,
    private readonly onReleased: (hold: MultiLockHold) => void,
  ) {
    this.#takings = takings;
    this.tokens = new Map(takings.map(({ hold }) => [hold.resource, hold.token]));
    for (const { hold } of takings) {
      const lost = (): void => {
        if (!this.#lossTold) onLost(hold);
        this.#lossTold = true;
      };
      hold.once("lost", lost);
      this.#unhook.push(() => hold.removeListener("lost", lost));
    }
  }

  /** Whether all of them stand, by the lease clock. */
  get isHeld(): boolean {
    return !this.#isReleased && this.#takings.every(({ isOpen, hold }) => isOpen && hold.isHeld);
  }

  /** Whether one of them was lost. */
  get isLost(): boolean {
    return this.#takings.some(({ hold }) => hold.loss !== null);
  }

  /** @internal Whether `onLost` has been called. */
  get lossTold(): boolean {
    return this.#lossTold;
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      const abort = new AbortController();
      this.#abort = abort;
      for (const { hold } of this.#takings) this.#unhook.push(onAbort(hold.signal, (reason) => abort.abort(reason)));
      consultClock(abort.signal, () => this.isHeld);
    }
    return this.#abort.signal;
  }

  get leaseMs(): number {
    return this.#isReleased ? 0 : Math.min(...this.#takings.map(({ hold }) => hold.leaseMs));
  }

  assertHeld(): void {
    for (const { isOpen, hold } of this.#takings) {
      if (!isOpen) throw hold.overError();
      hold.assertHeld();
    }
  }

  /** Asks the quorum whether all of them stand, and gives their tokens. @throws LockLostError, NotHeldError */
  async renew(): Promise<FencingTokens> {
    await Promise.all(this.#takings.map(({ hold }) => hold.renew()));
    return this.tokens;
  }

  /** Runs `body` inside all of them: see LockHold.run. */
  run<T>(body: () => T): T {
    this.assertHeld();
    return insideOf(this.#takings, body);
  }

  /**
   * Gives them all back, the latest first. False: they have been given back before.
   * @throws LockLostError once, if one was lost; the others are given back all the same
   */
  async release(): Promise<boolean> {
    if (this.#isReleased) return false;
    this.#settle();
    try {
      await giveBackAll(this.#takings);
    } finally {
      this.onReleased(this);
    }
    return true;
  }

  /** As `release`, for `await using`. @throws LockLostError if one was lost meanwhile */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** @internal Runs the body of a `using`, and gives them all back on every way out. */
  async runAndRelease<T>(body: (hold: MultiHold) => Promise<T> | T): Promise<T> {
    try {
      return await runInside(this.#takings, () => body(this));
    } finally {
      this.#settle();
      this.onReleased(this);
    }
  }

  #settle(): void {
    this.#isReleased = true;
    for (const unhook of this.#unhook.splice(0)) unhook();
  }
}
