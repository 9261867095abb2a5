import { untilAborted } from "../common/abort.js";
import { ResourceHold } from "./hold.js";
import type { HeldResource, Hold } from "./hold-views.js";
import { checkSlotOptions } from "../option-checks.js";
import type { SlotOptions } from "../options.js";
import { tryClaim } from "../queue/slot.js";

/** What the body of a semaphore's `using` is handed: one permit. */
export interface SemaphoreHold extends Hold {
  /** As ZkSemaphore.slot, for this very permit. */
  slot(options?: SlotOptions): Promise<number>;
}

/** The grant of a permit. Its slot is claimed when somebody asks for it: who does not need one pays nothing. */
export class PermitHold extends ResourceHold implements SemaphoreHold {
  #claim: Promise<number> | null = null;
  /** Undefined: nobody has asked for it, or we do not know yet. */
  #slot: number | undefined;

  /** @throws LockLostError, NotHeldError, AccessDeniedError, InvalidArgumentError, or the signal's reason */
  async slot(options: SlotOptions = {}): Promise<number> {
    checkSlotOptions(options);
    const { signal } = options;
    this.assertHeld();
    signal?.throwIfAborted();
    // One claim for all who ask; it goes on when one of them does not wait for it any more.
    this.#claim ??= this.#claimed();
    const slot = await (signal === undefined ? this.#claim : untilAborted(this.#claim, signal));
    this.assertHeld();
    return slot;
  }

  override describe(): HeldResource {
    return { ...super.describe(), ...(this.#slot !== undefined && { slot: this.#slot }) };
  }

  async #claimed(): Promise<number> {
    const { port } = this.contender;
    try {
      for (;;) {
        const claimed = await this.whileHeld(() => tryClaim(port, this.directory, this.ticket));
        if (typeof claimed === "number") return (this.#slot = claimed);
        // Gone, or this server lags behind the one that took our ticket: the quorum knows, and behind its answer we see the same.
        if (claimed === "unseen") await this.renew();
      }
    } catch (error) {
      this.#claim = null;
      throw error;
    }
  }
}
