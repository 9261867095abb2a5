import type { Discipline } from "../queue/discipline.js";
import type { FencingToken } from "../engine/ticket.js";

/** What the body of `using` is handed: one grant. */
export interface Hold {
  /** To be sent along with each write. */
  readonly token: FencingToken;
  /** Aborts with LockLostError when the hold is over against our will. */
  readonly signal: AbortSignal;
  /** What is left of the lease, in milliseconds; it is prolonged all the time while we are in touch. */
  readonly leaseMs: number;
  /**
   * Throws unless the hold stands, by the lease clock.
   * @throws LockLostError when it was lost, NotHeldError when it was given back
   */
  assertHeld(): void;
}

/** One of the holds of this process. */
export interface HeldResource {
  /** The name of the resource. */
  readonly resource: string;
  /** How it is held: exclusively, as a reader or writer, or as a permit of a semaphore. */
  readonly kind: Discipline["kind"];
  /** The fencing token of the hold. */
  readonly token: FencingToken;
  /** How often it has been entered and not given back. */
  readonly count: number;
  /** What is left of the lease, in milliseconds. */
  readonly leaseMs: number;
  /** The slot of a semaphore's permit, once it has been asked for. */
  readonly slot?: number;
}
