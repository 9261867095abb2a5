import { Loan, borrow } from "../sql/borrow.js";
import type { BusyWait } from "../sql/busy-wait.js";
import { attachSuppressed, cleanUp } from "../sql/clean-up.js";
import { FenceTransactionError, endedTransaction, openTransaction } from "../errors.js";
import { firstValue } from "../sql/answer.js";
import { errorsIn } from "../thrown.js";
import { SqlState, hasState, limitOf } from "./pool.js";
import type { PostgresClient, PostgresPool } from "./pool.js";

/**
 * Borrows a connection for `action`, and refuses one that has somebody's transaction open. It goes back to the pool
 * where the action ended well or could be rolled back, and is closed otherwise.
 */
export async function withConnection<Client extends PostgresClient, T>(
  pool: PostgresPool<Client>,
  wait: BusyWait,
  action: (client: Client, loan: Loan) => Promise<T>,
): Promise<T> {
  const client = await borrow(pool, limitOf(pool), () => pool.connect(), wait);
  const loan = new Loan(client, (error) => client.release(error));
  let broken: Error | undefined;
  try {
    if (await hasTransaction(client)) throw openTransaction();
    try {
      return await action(client, loan);
    } catch (error) {
      broken = await cleanUp(() => client.query("ROLLBACK"));
      attachSuppressed(error, broken);
      throw error;
    }
  } finally {
    loan.end(broken);
  }
}

/**
 * Whether the connection is in a transaction already. Where the driver cannot tell, the server is asked: outside of a
 * transaction block, each statement is a transaction of its own, and both began at the same moment.
 */
async function hasTransaction(client: PostgresClient): Promise<boolean> {
  const status = client.getTransactionStatus?.();
  if (status === "I" || status === "T" || status === "E") return status !== "I";
  try {
    const alone = "pg_catalog.transaction_timestamp() OPERATOR(pg_catalog.=) pg_catalog.statement_timestamp()";
    return firstValue(await client.query(`SELECT (${alone})::text AS alone`)) !== "true";
  } catch (error) {
    if (hasState(error, SqlState.failedTransaction)) return true;
    throw error;
  }
}

const ENDED = "zk-lock-manager: not the transaction of the fence: ";

/**
 * Commits if this is still the transaction `id`, in which the fence was raised; the two go to the server as one
 * message. The test is a cast that fails with our text, because plain SQL has no other way to raise an error.
 */
export async function commit(client: PostgresClient, id: string, resource: string): Promise<void> {
  const now = "pg_catalog.txid_current()";
  const failure = `pg_catalog.concat('${ENDED}', ${now})::int`;
  const same = `CASE WHEN ${now} OPERATOR(pg_catalog.=) ${id} THEN 0 ELSE ${failure} END`;
  try {
    await end(client, `SELECT ${same}; COMMIT`);
  } catch (error) {
    if (hasState(error, SqlState.failedTransaction)) throw failedTransaction(resource, error);
    if (hasState(error, SqlState.invalidText) && errorsIn(error).some(({ message }) => message.includes(ENDED))) {
      throw endedTransaction(resource, error);
    }
    throw error;
  }
}

/** Commits a transaction in which no statement of anybody else's was run. */
export async function end(client: PostgresClient, sql = "COMMIT"): Promise<void> {
  const answer: unknown = await client.query(sql);
  const last: unknown = Array.isArray(answer) ? answer.at(-1) : answer;
  // PostgreSQL answers the COMMIT of a failed transaction with a ROLLBACK, and calls it a success.
  if ((last as { command?: unknown } | undefined)?.command !== "COMMIT") throw failedTransaction();
}

function failedTransaction(resource?: string, cause?: unknown): FenceTransactionError {
  return new FenceTransactionError(
    "PostgreSQL rolled the transaction back, because a statement in it had failed: let the body pass on the " +
      "errors of its statements, or use a savepoint.",
    { resource, cause },
  );
}
