import type { ResourceHold } from "./hold.js";
import { PermitHold } from "./permit-hold.js";
import type { FencingToken } from "../engine/ticket.js";

/** One of the holds of this process. */
export interface HeldResource {
  readonly resource: string;
  readonly kind: ResourceHold["kind"];
  readonly token: FencingToken;
  /** How often it has been entered and not given back. */
  readonly count: number;
  readonly leaseMs: number;
  /** Of a semaphore's permit, once it has been asked for. */
  readonly slot?: number;
}

export function describeHold(hold: ResourceHold): HeldResource {
  const { resource, kind, token, count, leaseMs } = hold;
  const slot = hold instanceof PermitHold ? hold.claimedSlot : undefined;
  return { resource, kind, token, count, leaseMs, ...(slot !== undefined && { slot }) };
}
