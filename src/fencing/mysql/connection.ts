import { attachSuppressed, cleanUp } from "../clean-up.js";
import type { FencingToken } from "../fence-guard.js";
import { change } from "./pool.js";
import type { MysqlConnection, MysqlPool } from "./pool.js";

/** The user variable in which `run` announces its token to the triggers of `protect`. */
export const TOKEN_VARIABLE = "@zk_lock_manager_token";

/** The session's own timeouts, kept in user variables of the session while ours are in force. All are whole seconds. */
const TIMEOUTS = ["innodb_lock_wait_timeout", "wait_timeout", "net_read_timeout", "net_write_timeout"] as const;

const SAVE = TIMEOUTS.map((name) => `@zk_lock_manager_${name} = @@SESSION.${name}`).join(", ");
const RESTORE = TIMEOUTS.map((name) => `SESSION ${name} = @zk_lock_manager_${name}`).join(", ");

export interface TransactionTimes {
  readonly waitTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** Borrows a connection for `action`; it goes back to the pool unless `action` says that it is broken. */
export async function withConnection<Connection extends MysqlConnection, T>(
  pool: MysqlPool<Connection>,
  action: (connection: Connection, broken: (error: Error) => void) => Promise<T>,
): Promise<T> {
  const connection = await pool.getConnection();
  // A connection that the server ends between two statements emits an error, which would end the process if unheard. The
  // statement after it fails anyway, so there is nothing to do here.
  const ignore = (): void => undefined;
  connection.on("error", ignore);
  let failure: Error | undefined;
  try {
    return await action(connection, (error) => (failure = error));
  } finally {
    if (failure === undefined) {
      connection.removeListener("error", ignore);
      connection.release();
    } else {
      connection.destroy();
    }
  }
}

/**
 * Runs `body` in a transaction that the server ends by itself when we are silent for longer than `idleTimeoutMs`: it closes
 * the connection (wait_timeout), also where we were stopped in the middle of sending or being sent (net_*_timeout). The
 * session gets its own settings back before the connection returns to the pool.
 */
export async function inTransaction<T>(
  connection: MysqlConnection,
  token: FencingToken,
  times: TransactionTimes,
  broken: (error: Error) => void,
  body: () => Promise<T>,
): Promise<T> {
  try {
    await change(connection, `SET ${SAVE}, ${ours(times)}, ${TOKEN_VARIABLE} = ${token}`);
    await change(connection, "START TRANSACTION");
    const result = await body();
    await change(connection, "COMMIT");
    // It is committed: a connection that fails only now is closed, and nobody needs to hear of it.
    const failure = await cleanUp(() => change(connection, restore));
    if (failure !== undefined) broken(failure);
    return result;
  } catch (error) {
    const failure = await cleanUp(async () => {
      await change(connection, "ROLLBACK");
      await change(connection, restore);
    });
    if (failure !== undefined) broken(failure);
    attachSuppressed(error, failure);
    throw error;
  }
}

const restore = `SET ${RESTORE}, ${TOKEN_VARIABLE} = NULL`;

function ours({ waitTimeoutMs, idleTimeoutMs }: TransactionTimes): string {
  const idle = inSeconds(idleTimeoutMs);
  return [
    `SESSION innodb_lock_wait_timeout = ${inSeconds(waitTimeoutMs)}`,
    `SESSION wait_timeout = ${idle}`,
    `SESSION net_read_timeout = ${idle}`,
    `SESSION net_write_timeout = ${idle}`,
  ].join(", ");
}

/** The servers count these in whole seconds, from 1. */
function inSeconds(timeMs: number): number {
  return Math.max(1, Math.ceil(timeMs / 1000));
}
