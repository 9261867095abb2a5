import type { ResourceHold } from "./hold.js";
import { PermitHold } from "./permit-hold.js";
import type { FencingToken } from "../engine/ticket.js";

/** One of the holds of this process. */
export interface HeldResource {
  /** The name of the resource. */
  readonly resource: string;
  /** How it is held: exclusively, as a reader or writer, or as a permit of a semaphore. */
  readonly kind: ResourceHold["kind"];
  /** The fencing token of the hold. */
  readonly token: FencingToken;
  /** How often it has been entered and not given back. */
  readonly count: number;
  /** What is left of the lease, in milliseconds. */
  readonly leaseMs: number;
  /** The slot of a semaphore's permit, once it has been asked for. */
  readonly slot?: number;
}

export function describeHold(hold: ResourceHold): HeldResource {
  const { resource, kind, token, count, leaseMs } = hold;
  const slot = hold instanceof PermitHold ? hold.claimedSlot : undefined;
  return { resource, kind, token, count, leaseMs, ...(slot !== undefined && { slot }) };
}
