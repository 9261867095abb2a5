import type { Hold } from "./hold.js";
import { ZkLock } from "./lock.js";
import type { AcquireOptions, SlotOptions } from "./options.js";
import type { SemaphoreHold } from "./permit-hold.js";

/** A handle on the permits of a semaphore. */
export class ZkSemaphore extends ZkLock {
  /**
   * The slot of the hold that `token` speaks of: a number that no two holders have at the same time, to tell workers, ports or
   * shards apart. The lowest that is free when it is first asked for, so it is below `maxConcurrentHolders` as long as all holders
   * ask for the same limit; after that it is the same for as long as the hold lasts. The first question costs a read and a write,
   * those after it nothing. An abort of `signal` ends the wait only.
   * @throws NotHeldError without a hold, LockLostError when it was lost, AccessDeniedError, or the signal's reason
   */
  async slot(options: SlotOptions = {}): Promise<number> {
    return (this.standing() as Hold as SemaphoreHold).slot(options);
  }

  /** As ZkLock.using; the hold that `body` is handed has a `slot` as well. */
  override using<T>(body: (hold: SemaphoreHold) => Promise<T> | T, options: AcquireOptions = {}): Promise<T> {
    return super.using((hold) => body(hold as SemaphoreHold), options);
  }
}
