import type { Hold } from "../hold/hold-views.js";
import { insideOf } from "../local/owner.js";
import type { Taking } from "../local/taking.js";
import type { FencingToken } from "../engine/ticket.js";

/**
 * One grant as an object, from `lock.hold()`. It can be given back by itself, whatever else its handle has taken. From
 * Node 24 on, `await using hold = await lock.hold()` gives it back at the end of the block.
 *
 * @example
 * const hold = await lock.hold({ timeout: 5_000 });
 * try {
 *   await store.write(row, hold.token);
 * } finally {
 *   await hold.release();
 * }
 */
export class LockHold implements Hold {
  readonly token: FencingToken;
  readonly #taking: Taking;

  /** @internal Holds are made by their lock. */
  constructor(taking: Taking) {
    this.#taking = taking;
    this.token = taking.hold.token;
  }

  get signal(): AbortSignal {
    return this.#taking.hold.signal;
  }

  get leaseMs(): number {
    return this.#taking.isOpen ? this.#taking.hold.leaseMs : 0;
  }

  assertHeld(): void {
    if (!this.#taking.isOpen) throw this.#taking.hold.overError();
    this.#taking.hold.assertHeld();
  }

  /**
   * Runs `body` inside this hold: code in its async context re-enters it, as inside `using`. Outside of it, an
   * `acquire` of the same resource queues behind this hold. The hold stays when the body ends.
   * @throws LockLostError, NotHeldError
   */
  run<T>(body: () => T): T {
    this.assertHeld();
    return insideOf([this.#taking], body);
  }

  /**
   * Gives this very hold back. False: it has been given back before.
   * @throws LockLostError once, if the hold was lost meanwhile
   */
  release(): Promise<boolean> {
    return this.#taking.giveBack();
  }

  /** As `release`, for `await using`. @throws LockLostError if the hold was lost meanwhile */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}
