import type { Standing } from "./caller.js";
import { readableMs } from "./clock.js";
import { AcquireTimeoutError, AlreadyLockedError, type Identity } from "./errors.js";

/** `failImmediate`, and somebody else is before us. */
export function alreadyLocked(resource: string, { holder }: Standing): AlreadyLockedError {
  return new AlreadyLockedError(`"${resource}" is held by somebody else.${heldBy(holder)}`, { resource });
}

/** The deadline has passed; says who holds the resource and how many are ahead, as far as that is known. */
export function acquireTimedOut(resource: string, { ahead, holder }: Standing, waitedMs: number): AcquireTimeoutError {
  const line = ahead === undefined ? "" : ` There are ${ahead} ahead of us.`;
  const message = `"${resource}" was not to be had within ${readableMs(waitedMs)} ms.${line}${heldBy(holder)}`;
  return new AcquireTimeoutError(message, { resource, ahead, holder });
}

function heldBy(holder: Identity | undefined): string {
  return holder === undefined ? "" : ` It is held by ${JSON.stringify(holder)}.`;
}
