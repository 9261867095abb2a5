import { firstValue } from "../sql/answer.js";
import { attachSuppressed, cleanUp } from "../sql/clean-up.js";
import { endedTransaction, noTransaction } from "../errors.js";
import type { FencingToken } from "../fence-guard.js";
import { inSeconds } from "./connection.js";
import type { Fences } from "./fence.js";
import { ErrorNumber, hasNumber } from "./pool.js";
import type { MysqlTransaction } from "./pool.js";

const SAVEPOINT = "zk_lock_manager_check";

/**
 * Raises the fence inside somebody's transaction. Outside of one, the server takes a savepoint and forgets it at once:
 * so it is asked for once more, before anything is written.
 */
export async function check(
  fences: Fences,
  tx: MysqlTransaction,
  resource: string,
  token: FencingToken,
  waitTimeoutMs: number,
): Promise<void> {
  await tx.query(`SAVEPOINT ${SAVEPOINT}`);
  try {
    await tx.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`);
  } catch (error) {
    throw hasNumber(error, ErrorNumber.noSavepoint) ? noTransaction(resource, error) : error;
  }
  const usual = Number(firstValue(await tx.query("SELECT @@SESSION.innodb_lock_wait_timeout AS seconds")));
  try {
    await tx.query(lockWaitTimeout(inSeconds(waitTimeoutMs)));
    await fences.raise(tx, resource, token);
    await fences.confirm(tx, resource, token);
  } catch (thrown) {
    // The server has taken the whole transaction back, not the fence alone.
    const ended = hasNumber(thrown, ...ErrorNumber.again);
    const error = ended ? endedTransaction(resource, thrown) : fences.explainWait(thrown, resource, waitTimeoutMs);
    const failure = await cleanUp(async () => {
      await tx.query(lockWaitTimeout(usual));
      if (!ended) await tx.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`);
    });
    attachSuppressed(error, failure);
    throw error;
  }
  await tx.query(lockWaitTimeout(usual));
  await tx.query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
}

function lockWaitTimeout(seconds: number): string {
  return `SET SESSION innodb_lock_wait_timeout = ${seconds}`;
}
