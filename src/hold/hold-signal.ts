import { LockLostError, type LossReason } from "../errors.js";
import type { FencingToken } from "../engine/ticket.js";

const EXPLANATIONS: Record<LossReason, string> = {
  "lease-over": "ZooKeeper has not answered for so long that the lease ran out. Stop using the resource.",
  "session-expired": "the ZooKeeper session has ended. Stop using the resource.",
  "ticket-gone": "somebody deleted our ticket. Stop using the resource.",
  closed: "the manager was closed. Stop using the resource.",
};

/** What a signal has to know of its hold. */
interface Signalled {
  /** By the lease clock: to look may end the hold. */
  readonly isHeld: boolean;
  readonly loss: LossReason | null;
  lossError(): LockLostError;
}

/**
 * The AbortSignal of a hold, and the error that it aborts with. Both are made when somebody asks for them: most holds never need
 * them, and thousands of them may be lost at one moment.
 */
export class HoldSignal {
  #abort: AbortController | null = null;
  #error: LockLostError | null = null;

  constructor(private readonly hold: Signalled) {}

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      consultClock(this.#abort.signal, () => this.hold.isHeld);
      if (this.hold.loss !== null) this.tell();
    }
    return this.#abort.signal;
  }

  /** The loss, as the signal and all listeners are told of it: one error for all of them. */
  get error(): LockLostError {
    return (this.#error ??= this.hold.lossError());
  }

  /** The hold is lost. */
  tell(): void {
    this.#abort?.abort(this.error);
  }
}

/**
 * Makes `aborted` look at the clock before it answers, as `isHeld` does: after a pause of the process it is right before any
 * event has been processed. `consult` aborts the signal where the lease turns out to be over.
 */
export function consultClock(signal: AbortSignal, consult: () => void): void {
  let consulting = false;
  Object.defineProperty(signal, "aborted", {
    configurable: true,
    get(): boolean {
      if (!consulting) {
        consulting = true;
        consult();
        consulting = false;
      }
      return Reflect.get(AbortSignal.prototype, "aborted", signal);
    },
  });
}

/** What the owner of a hold that is over against its will is told, and what to do. */
export function lossError(
  { resource, token }: { readonly resource: string; readonly token: FencingToken },
  reason: LossReason,
  cause: unknown,
): LockLostError {
  return new LockLostError(`The hold of "${resource}" (token ${token}) is lost: ${EXPLANATIONS[reason]}`, {
    reason,
    resource,
    cause,
  });
}
