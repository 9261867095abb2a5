import type { FencingToken } from "../common/fencing-token.js";

export type { FencingToken };

/**
 * Stands between a store and a holder whose lock is gone. The store keeps, for each resource, the highest token it has
 * seen (the fence); a writer with a lower one is refused. Every guard keeps this one contract, whatever the store.
 */
export interface FenceGuard<Tx> {
  /**
   * Runs `body` in one transaction that first raises the fence of `resource` to `token`, and resolves with what it
   * gave. The same token again is accepted. The fence stays locked until the end of the transaction, so an older writer
   * ends before a newer one begins, or is refused. A body that throws takes everything back, the fence included.
   *
   * Rejects with StaleTokenError (the store has seen a higher token), FenceBusyError (another writer kept the fence, or
   * all connections of the pool, longer than `waitTimeoutMs`), FenceSetupError (`setup()` was never called, or the
   * store is not as it was made), FenceTransactionError (the body, or the store, ended the transaction; or the call was
   * made in the body of a run for the same resource), InvalidArgumentError (before anything is sent), or with the very
   * error of the body.
   */
  run<T>(resource: string, token: FencingToken, body: (tx: Tx) => Promise<T> | T): Promise<T>;

  /** The highest token the store has seen for `resource`, or null where it has seen none. */
  highest(resource: string): Promise<FencingToken | null>;

  /** Makes what the guard needs in the store. Safe to call again, and by several processes at once. */
  setup(): Promise<void>;
}

/** What the guards have in common. All times are milliseconds. */
export interface FenceOptions {
  /**
   * How long `run` waits for a connection of the pool and for another writer of the resource, both together, before it
   * rejects with FenceBusyError, in milliseconds. Default 15,000.
   */
  waitTimeoutMs?: number;
}

export const DEFAULT_WAIT_TIMEOUT_MS = 15_000;

/** This is shorter than the wait, so that a writer still waits when a stopped holder's transaction is ended. */
export const DEFAULT_IDLE_TIMEOUT_MS = 10_000;

export const DEFAULT_TABLE = "zk_lock_fences";

export const DEFAULT_COLUMN = "fence_token";
