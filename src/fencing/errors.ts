import { InvalidArgumentError, LockError, StaleTokenError } from "../errors.js";
import type { FencingToken } from "./fence-guard.js";

/** Another writer kept the fence for longer than `waitTimeoutMs`. Nothing was written; the call may be made again. */
export class FenceBusyError extends LockError {
  override readonly name = "FenceBusyError";
  override readonly code = "ERR_FENCE_BUSY";
}

/**
 * The store is not as the guard needs it: its table is missing (call `setup()` once) or not what the guard made, a
 * fence holds something that is no token, or the connection may only read. Nothing was written.
 */
export class FenceSetupError extends LockError {
  override readonly name = "FenceSetupError";
  override readonly code = "ERR_FENCE_SETUP";
}

/**
 * There was no transaction of ours to commit: the body spoiled or ended it, or the store did; or it would have been
 * somebody else's, because the connection had one open already or the call came from the body of another run.
 */
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
    `The token ${token} for ${JSON.stringify(resource)} is stale: the store has seen ${highest}. Nothing was ` +
      "written. Somebody else has held the lock since, so stop this work, or acquire the lock again and start over.",
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

/** The transaction in which the fence was raised is not the one that would be committed now. */
export function endedTransaction(resource: string, cause?: unknown): FenceTransactionError {
  return new FenceTransactionError(
    `The transaction for ${JSON.stringify(resource)} was over before the guard's COMMIT. The body ended it, or ` +
      "the store did after an error that the body did not pass on, such as a deadlock. What was open is rolled " +
      "back, but statements that ran outside of the transaction may be in force. Leave COMMIT and ROLLBACK to the " +
      "guard, and never repeat a statement after a deadlock: let run() reject, and call it again.",
    { resource, cause },
  );
}

export function lostConnection(resource: string, cause: Error): FenceTransactionError {
  return new FenceTransactionError(
    `The connection was lost while the body for ${JSON.stringify(resource)} was at work, and with it the ` +
      `transaction (${cause.message}). Nothing was committed. A body that leaves its transaction idle for longer ` +
      "than idleTimeoutMs is ended by the server.",
    { resource, cause },
  );
}

export function openTransaction(cause?: unknown): FenceTransactionError {
  return new FenceTransactionError(
    "The connection has a transaction open that is not the guard's, and was left as it is. Give the guard a pool " +
      "of its own, or raise the fence inside your transaction with check().",
    { cause },
  );
}

export function noTransaction(resource: string, cause?: unknown): FenceTransactionError {
  return new FenceTransactionError(
    `check() for ${JSON.stringify(resource)} needs a connection with an open transaction, and there was none: ` +
      "begin one first, and hand over its own connection, not the pool.",
    { resource, cause },
  );
}

export function readOnlyStore(cause: unknown): FenceSetupError {
  return new FenceSetupError(
    "The store takes no writes over this connection: it is read-only. Give the guard a connection to the primary " +
      "that may write.",
    { cause },
  );
}

export function foreignTable(table: string, cause?: unknown): FenceSetupError {
  return new FenceSetupError(
    `The table ${table} is not as setup() of the fence guard makes it. Give the guard another name by the option ` +
      `"table", or correct the table.`,
    { cause },
  );
}

/** The fence is raised, or is not, and the adapter of the driver does not tell. */
export function unreadableAnswer(): InvalidArgumentError {
  return new InvalidArgumentError(
    "The query() of the transaction handed to the guard did not resolve with the rows that the store answered, as " +
      "{ rows }, [rows, …] or the rows themselves. Roll the transaction back.",
  );
}
