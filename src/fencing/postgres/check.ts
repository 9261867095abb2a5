import { attachSuppressed, cleanUp } from "../sql/clean-up.js";
import { noTransaction } from "../errors.js";
import type { FencingToken } from "../fence-guard.js";
import { TOKEN_SETTING } from "./fence.js";
import type { Fences } from "./fence.js";
import { SqlState, hasState } from "./pool.js";
import type { PostgresTransaction } from "./pool.js";
import { RESTORE_TIMEOUTS, putTimeoutsAside } from "./settings.js";

const SAVEPOINT = "zk_lock_manager_check";

/**
 * Raises the fence inside somebody's transaction. The savepoint is what says that there is one, for PostgreSQL refuses
 * it elsewhere; and going back to it leaves the transaction, and its settings, as they were.
 */
export async function check(
  fences: Fences,
  tx: PostgresTransaction,
  resource: string,
  token: FencingToken,
  waitTimeoutMs: number,
): Promise<void> {
  try {
    await tx.query(`SAVEPOINT ${SAVEPOINT}`);
  } catch (error) {
    throw hasState(error, SqlState.noTransaction, SqlState.failedTransaction) ? noTransaction(resource, error) : error;
  }
  try {
    await tx.query(putTimeoutsAside(waitTimeoutMs));
    const announce = `pg_catalog.set_config('${TOKEN_SETTING}', '${token}', true)`;
    await fences.raise(tx, resource, token, [...RESTORE_TIMEOUTS, announce]);
  } catch (thrown) {
    const error = fences.explainRaise(thrown, resource, waitTimeoutMs);
    attachSuppressed(error, await cleanUp(() => tx.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`)));
    throw error;
  }
  await tx.query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
}
