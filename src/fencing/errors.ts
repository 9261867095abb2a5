import { LockError, StaleTokenError } from "../errors.js";
import type { FencingToken } from "./fence-guard.js";

/** Another writer kept the fence for longer than `waitTimeoutMs`. Nothing was written; the call may be made again. */
export class FenceBusyError extends LockError {
  override readonly name = "FenceBusyError";
  override readonly code = "ERR_FENCE_BUSY";
}

/** The guard's table is missing, or not what the guard made: call `setup()` once. */
export class FenceSetupError extends LockError {
  override readonly name = "FenceSetupError";
  override readonly code = "ERR_FENCE_SETUP";
}

/** The store did not commit although the body ended well, because the body itself spoiled or ended its transaction. */
export class FenceTransactionError extends LockError {
  override readonly name = "FenceTransactionError";
  override readonly code = "ERR_FENCE_TRANSACTION";
}

export function staleToken(
  resource: string,
  token: FencingToken,
  highest: FencingToken,
  cause?: unknown,
): StaleTokenError {
  return new StaleTokenError(
    `The token ${token} for ${JSON.stringify(resource)} is stale: the store has seen ${highest}. Nothing was written. ` +
      "Somebody else has held the lock since, so stop this work, or acquire the lock again and start over.",
    { resource, token, highest, cause },
  );
}

/** `resource` is undefined where the wait was for the store as a whole. */
export function busyFence(resource: string | undefined, waitTimeoutMs: number, cause?: unknown): FenceBusyError {
  const what = resource === undefined ? "The store" : `The fence of ${JSON.stringify(resource)}`;
  return new FenceBusyError(
    `${what} was still locked by another writer after ${waitTimeoutMs} ms. Nothing was written: try again, or set a ` +
      "longer waitTimeoutMs.",
    { resource, cause },
  );
}

export function missingSetup(table: string, cause: unknown): FenceSetupError {
  return new FenceSetupError(`The table ${table} of the fence guard is missing: call setup() on the guard once.`, {
    cause,
  });
}
