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
  /** @throws LockLostError when the hold was lost, NotHeldError when it was given back */
  assertHeld(): void;
}

/** One of the holds of this process. */
export interface HeldResource {
  readonly resource: string;
  readonly kind: Discipline["kind"];
  readonly token: FencingToken;
  /** How often it has been entered and not given back. */
  readonly count: number;
  readonly leaseMs: number;
  /** Of a semaphore's permit, once it has been asked for. */
  readonly slot?: number;
}
