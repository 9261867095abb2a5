import type { AcquireOutcome } from "../diagnostics.js";
import { readableMs } from "../common/clock.js";
import { describeIdentity } from "./describe-identity.js";
import { AcquireTimeoutError, AlreadyLockedError, type Identity } from "../errors.js";
import type { ResourceHold } from "../hold/hold.js";

/** What was known of the queue when a caller left it: who holds, and how many were before it. */
export interface Survey {
  readonly ahead?: number;
  readonly holder?: Identity | undefined;
}

/** What became of one call of acquire. */
export type Outcome =
  | { readonly kind: "granted"; readonly hold: ResourceHold }
  /** Its time is over, or it had none and somebody else is before it. */
  | { readonly kind: "too-late"; readonly survey: Survey }
  | { readonly kind: "aborted"; readonly reason: unknown }
  | { readonly kind: "failed"; readonly error: unknown };

/** `failImmediate`, and somebody else is before us. */
export function alreadyLocked(resource: string, { holder }: Survey): AlreadyLockedError {
  const who = holder === undefined ? "somebody else" : describeIdentity(holder);
  return new AlreadyLockedError(`"${resource}" is held by ${who}.`, { resource });
}

/** The deadline has passed; says who holds the resource and how many are ahead, as far as that is known. */
export function acquireTimedOut(resource: string, { ahead, holder }: Survey, waitedMs: number): AcquireTimeoutError {
  const known = [
    ...(ahead === undefined ? [] : [ahead === 1 ? "1 ticket is ahead" : `${ahead} tickets are ahead`]),
    ...(holder === undefined ? [] : [`held by ${describeIdentity(holder)}`]),
  ];
  const why = known.length === 0 ? "" : `: ${known.join(", ")}`;
  const message = `Timed out after ${readableMs(waitedMs)} ms waiting for "${resource}"${why}.`;
  return new AcquireTimeoutError(message, { resource, ahead, holder });
}

/** What subscribers of the diagnostics channel hear of an outcome. */
export function publicOutcome(outcome: Outcome): AcquireOutcome {
  switch (outcome.kind) {
    case "granted":
      return { outcome: outcome.kind, token: outcome.hold.token };
    case "failed":
      return { outcome: outcome.kind, error: outcome.error };
    case "aborted":
      return { outcome: outcome.kind, error: outcome.reason };
    case "too-late":
      return { outcome: outcome.kind };
    default:
      return outcome satisfies never;
  }
}
