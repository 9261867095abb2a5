import type { ResourceHold } from "../hold/hold.js";
import { LockHold } from "./lock-hold.js";
import { ZkLock } from "./lock.js";
import type { AcquireOptions, SlotOptions } from "../options.js";
import { PermitHold, type SemaphoreHold } from "../hold/permit-hold.js";
import type { Taking } from "../local/taking.js";

/** One permit as an object that gives itself back, from `semaphore.hold()`. */
export class SemaphoreLockHold extends LockHold implements SemaphoreHold {
  readonly #permit: PermitHold;

  /** @internal Holds are made by their lock. */
  constructor(taking: Taking) {
    super(taking);
    this.#permit = permitOf(taking.hold);
  }

  /** Gives the slot of this very permit: see ZkSemaphore.slot. */
  async slot(options: SlotOptions = {}): Promise<number> {
    this.assertHeld();
    return this.#permit.slot(options);
  }
}

/** A handle on the permits of a semaphore. */
export class ZkSemaphore extends ZkLock {
  /**
   * Gives a number that no two holders have at the same time, to tell workers, ports or shards apart. Inside `using` it
   * is the number of the body's hold, and outside that of the only hold of this handle. (With several holds, ask the
   * object that `hold()` gives.)
   *
   * It is the lowest number that is free at the first call, counted from 0, so it is below `maxConcurrentHolders` as
   * long as all holders ask for the same limit. It stays the same as long as the hold lasts. The first call costs a
   * read and a write; later ones cost nothing. An abort of `signal` ends the wait only.
   * @throws NotHeldError without a hold, or with several, LockLostError when it was lost, AccessDeniedError, or the
   *   signal's reason
   */
  async slot(options: SlotOptions = {}): Promise<number> {
    return permitOf(this.unambiguous()).slot(options);
  }

  /** As ZkLock.using; the hold that `body` is handed has a `slot` as well. */
  override using<T>(body: (hold: SemaphoreHold) => Promise<T> | T, options: AcquireOptions = {}): Promise<T> {
    return super.using((hold) => body(hold as SemaphoreHold), options);
  }

  /** As ZkLock.hold; the object has a `slot` as well. */
  override async hold(options: AcquireOptions = {}): Promise<SemaphoreLockHold> {
    return new SemaphoreLockHold(await this.take(options, "object"));
  }
}

function permitOf(hold: ResourceHold): PermitHold {
  if (hold instanceof PermitHold) return hold;
  throw new Error("Impossible (semaphore-1): a semaphore's hold that is no permit.");
}
