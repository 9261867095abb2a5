import { Loan, borrow } from "../sql/borrow.js";
import { leftOf } from "../sql/busy-wait.js";
import type { BusyWait } from "../sql/busy-wait.js";
import { attachSuppressed, cleanUp } from "../sql/clean-up.js";
import { FenceTransactionError, openTransaction, readOnlyStore } from "../errors.js";
import type { FencingToken } from "../fence-guard.js";
import { ErrorNumber, change, hasNumber, limitOf, statusAfter } from "./pool.js";
import type { MysqlConnection, MysqlPool } from "./pool.js";

/** The user variable in which `run` announces its token to the triggers of `protect`. */
export const TOKEN_VARIABLE = "@zk_lock_manager_token";

/**
 * The session's own settings, kept in user variables of the session while ours are in force. Times are whole seconds.
 */
const TIMEOUTS = ["innodb_lock_wait_timeout", "wait_timeout", "net_read_timeout", "net_write_timeout"] as const;
const KEPT = [...TIMEOUTS, "autocommit"] as const;

const SAVE = KEPT.map((name) => `@zk_lock_manager_${name} = @@SESSION.${name}`).join(", ");
const RESTORE = KEPT.map((name) => `SESSION ${name} = @zk_lock_manager_${name}`).join(", ");

/** COMMIT and ROLLBACK alone may go on with another transaction, or close the connection: completion_type decides. */
const COMMIT = "COMMIT AND NO CHAIN NO RELEASE";
const ROLLBACK = "ROLLBACK AND NO CHAIN NO RELEASE";

/** Begins a transaction that may write, whatever the default of the session is. */
export async function begin(connection: MysqlConnection): Promise<void> {
  try {
    await change(connection, "START TRANSACTION READ WRITE");
  } catch (error) {
    throw hasNumber(error, ErrorNumber.readOnlyServer) ? readOnlyStore(error) : error;
  }
}

export async function rollBack(connection: MysqlConnection): Promise<void> {
  await change(connection, ROLLBACK);
}

/** Borrows a connection for `action`; it goes back to the pool unless `action` says that it is broken. */
export async function withConnection<Connection extends MysqlConnection, T>(
  pool: MysqlPool<Connection>,
  wait: BusyWait,
  action: (connection: Connection, loan: Loan) => Promise<T>,
): Promise<T> {
  const connection = await borrow(pool, limitOf(pool), () => pool.getConnection(), wait);
  const loan = new Loan(connection, () => connection.destroy());
  try {
    return await action(connection, loan);
  } finally {
    loan.end(undefined);
  }
}

/**
 * Borrows a connection for statements that are transactions of their own. Where the session has autocommit off, it is
 * on for them: a write would not be committed, and a read would see what was true when the session read first.
 */
export async function withAutocommit<Connection extends MysqlConnection, T>(
  pool: MysqlPool<Connection>,
  wait: BusyWait,
  action: (connection: Connection) => Promise<T>,
): Promise<T> {
  return withConnection(pool, wait, async (connection, loan) => {
    const { inTransaction, autocommit } = await statusAfter(connection, "DO 0");
    if (inTransaction) throw openTransaction();
    if (autocommit) return action(connection);
    await change(connection, "SET SESSION autocommit = 1");
    try {
      return await action(connection);
    } finally {
      const failure = await cleanUp(() => change(connection, "SET SESSION autocommit = 0"));
      if (failure !== undefined) loan.end(failure);
    }
  });
}

export interface TransactionTimes {
  readonly wait: BusyWait;
  readonly idleTimeoutMs: number;
}

/**
 * Runs `body` in a transaction that the server ends by itself when we are silent for longer than `idleTimeoutMs`: it
 * closes the connection (wait_timeout), also where we were stopped in the middle of sending or being sent
 * (net_*_timeout). The session gets its own settings back before the connection returns to the pool.
 */
export async function inTransaction<T>(
  connection: MysqlConnection,
  token: FencingToken,
  times: TransactionTimes,
  loan: Loan,
  body: () => Promise<T>,
): Promise<T> {
  let foreign: FenceTransactionError | undefined;
  try {
    const settings = `SET ${SAVE}, ${ours(times)}, ${TOKEN_VARIABLE} = ${token}`;
    if ((await statusAfter(connection, settings)).inTransaction) throw (foreign = openTransaction());
    await begin(connection);
    const result = await body();
    await change(connection, COMMIT);
    // It is committed: a connection that fails only now is closed, and nobody needs to hear of it.
    const failure = await cleanUp(() => change(connection, restore));
    if (failure !== undefined) loan.end(failure);
    return result;
  } catch (error) {
    const failure = await cleanUp(async () => {
      // Somebody else's transaction is neither committed nor rolled back by us.
      if (error !== foreign) await rollBack(connection);
      await change(connection, restore);
    });
    attachSuppressed(error, failure);
    if (failure !== undefined) loan.end(failure);
    // A body that ended its transaction may have left more behind, such as locked tables: that connection is used no
    // more.
    else if (error instanceof FenceTransactionError && error !== foreign) loan.end(error);
    throw error;
  }
}

const restore = `SET ${RESTORE}, ${TOKEN_VARIABLE} = NULL`;

function ours({ wait, idleTimeoutMs }: TransactionTimes): string {
  const idle = inSeconds(idleTimeoutMs);
  return [
    `SESSION innodb_lock_wait_timeout = ${inSeconds(leftOf(wait))}`,
    `SESSION wait_timeout = ${idle}`,
    `SESSION net_read_timeout = ${idle}`,
    `SESSION net_write_timeout = ${idle}`,
  ].join(", ");
}

/** The servers count these in whole seconds, from 1. */
export function inSeconds(timeMs: number): number {
  return Math.max(1, Math.ceil(timeMs / 1000));
}
