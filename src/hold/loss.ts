import { LockLostError, type LossReason } from "../errors.js";
import type { FencingToken } from "../engine/ticket.js";

const EXPLANATIONS: Record<LossReason, string> = {
  "lease-over": "ZooKeeper has not answered for so long that the lease ran out. Stop using the resource.",
  "session-expired": "the ZooKeeper session has ended. Stop using the resource.",
  "ticket-gone": "somebody deleted our ticket. Stop using the resource.",
  closed: "the manager was closed. Stop using the resource.",
};

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
