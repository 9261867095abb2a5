import type { StaleTokenError } from "../../errors.js";
import { checkResource, checkToken, readToken, timeOption } from "../arguments.js";
import { startWait } from "../sql/busy-wait.js";
import type { BusyWait } from "../sql/busy-wait.js";
import { busyFence, endedTransaction, lostConnection } from "../errors.js";
import { DEFAULT_COLUMN, DEFAULT_IDLE_TIMEOUT_MS, DEFAULT_TABLE, DEFAULT_WAIT_TIMEOUT_MS } from "../fence-guard.js";
import type { FenceGuard, FenceOptions, FencingToken } from "../fence-guard.js";
import { refusalStatement, staleRow, updateStatement } from "../sql/guarded-update.js";
import type { GuardedUpdate, SqlValue } from "../sql/guarded-update.js";
import { quoteTable } from "../sql/table-name.js";
import type { TableName } from "../sql/table-name.js";
import { insideGuarded, openRun, refuseOrphan } from "../open-run.js";
import { check } from "./check.js";
import { begin, inTransaction, rollBack, withAutocommit, withConnection } from "./connection.js";
import { dialect } from "./dialect.js";
import { Fences } from "./fence.js";
import { ErrorNumber, change, checkPool, firstColumn, hasNumber, matched } from "./pool.js";
import type { MysqlConnection, MysqlPool, MysqlTransaction } from "./pool.js";
import { createTable } from "./table.js";
import { protect, refusalOf, unprotect } from "./trigger.js";

/** The options of `mysqlFence`. */
export interface MysqlFenceOptions extends FenceOptions {
  /** The guard's table. Default `zk_lock_fences`, in the database of the connection. */
  table?: TableName;
  /**
   * How long the server waits for the next statement of a transaction before it closes the connection, in milliseconds,
   * rounded up to whole seconds. A process that was stopped in the middle can keep others waiting that long. Keep it
   * below `waitTimeoutMs`, which is rounded up in the same way. Default 10,000.
   */
  idleTimeoutMs?: number;
}

/** A fence guard over a pool of MySQL or MariaDB connections: see `mysqlFence`. */
export interface MysqlFenceGuard<Connection extends MysqlConnection> extends FenceGuard<Connection> {
  /**
   * Raises the fence inside a transaction that you, or your ORM, opened and will commit: what you write in it before it
   * ends is protected as in the body of `run`. Await it before you write. `tx` is the connection of the transaction,
   * not the pool. The triggers of `protect` do not learn the token from it: name the column in your statements.
   *
   * It rejects as `run` does, and with FenceTransactionError where no transaction is open, or where a deadlock has
   * ended it: roll back and begin anew. After the other errors, the transaction may go on as if `check` had not been
   * called.
   */
  check(tx: MysqlTransaction, resource: string, token: FencingToken): Promise<void>;
  /** The guarded UPDATE as a statement, to be run with `tx.execute(sql, values)`. */
  guardedUpdate(update: GuardedUpdate): { sql: string; values: SqlValue[] };
  /**
   * Runs the guarded UPDATE, and gives the number of rows matched.
   * @throws StaleTokenError where a higher token kept it from changing any
   */
  update(update: GuardedUpdate): Promise<number>;
  /**
   * Puts triggers on `table` that refuse an INSERT, UPDATE or DELETE without a token, or with one below the row's, from
   * every client. An UPDATE that leaves the column out cannot be told from one that repeats the row's token: see the
   * guide. `column` is a BIGINT of the table, `fence_token` by default.
   */
  protect(table: TableName, options?: { column?: string }): Promise<void>;
  /** Takes the triggers of `protect` away; nothing happens where there are none. */
  unprotect(table: TableName): Promise<void>;
  /** The StaleTokenError that an error of a trigger stands for; null for any other error. `run` does this by itself. */
  refusalOf(error: unknown): StaleTokenError | null;
}

/**
 * Makes a fence guard over a pool of `mysql2/promise`, for MySQL and MariaDB. The tables that a body writes must be
 * InnoDB's.
 *
 * @example
 * const guard = mysqlFence(mysql.createPool({ uri: process.env.DATABASE_URL }));
 * await guard.setup(); // once
 * await lock.using(({ token }) =>
 *   guard.run("account/7", token, (tx) => tx.query("UPDATE account SET balance = balance + 10 WHERE id = 7")),
 * );
 */
export function mysqlFence<Connection extends MysqlConnection>(
  pool: MysqlPool<Connection>,
  options: MysqlFenceOptions = {},
): MysqlFenceGuard<Connection> {
  return new MysqlFence(pool, options);
}

class MysqlFence<Connection extends MysqlConnection> implements MysqlFenceGuard<Connection> {
  readonly #pool: MysqlPool<Connection>;
  readonly #name: TableName;
  readonly #fences: Fences;
  readonly #waitTimeoutMs: number;
  readonly #idleTimeoutMs: number;

  constructor(pool: MysqlPool<Connection>, options: MysqlFenceOptions) {
    checkPool(pool);
    this.#pool = pool;
    this.#name = options.table ?? DEFAULT_TABLE;
    this.#fences = new Fences(quoteTable(this.#name, dialect));
    this.#waitTimeoutMs = timeOption("waitTimeoutMs", options.waitTimeoutMs, DEFAULT_WAIT_TIMEOUT_MS);
    this.#idleTimeoutMs = timeOption("idleTimeoutMs", options.idleTimeoutMs, DEFAULT_IDLE_TIMEOUT_MS);
  }

  async run<T>(resource: string, token: FencingToken, body: (tx: Connection) => Promise<T> | T): Promise<T> {
    checkResource(resource);
    checkToken(token);
    const run = openRun(this.#pool, this.#fences.table, resource);
    const wait = this.#wait(resource);
    try {
      return await withConnection(this.#pool, wait, (connection, loan) => {
        loan.onLost(() => (run.state = "lost"));
        const times = { wait, idleTimeoutMs: this.#idleTimeoutMs };
        return inTransaction(connection, token, times, loan, async () => {
          await this.#raise(connection, resource, token, wait);
          const result = await insideGuarded(
            run,
            () => body(connection),
            (error) => refusalOf(error, { resource, token }),
          );
          if (loan.lost !== undefined) throw lostConnection(resource, loan.lost);
          refuseOrphan(run);
          await checkSavepoint(connection, resource);
          return result;
        });
      });
    } finally {
      run.state = "ended";
    }
  }

  async check(tx: MysqlTransaction, resource: string, token: FencingToken): Promise<void> {
    checkResource(resource);
    checkToken(token);
    await check(this.#fences, tx, resource, token, this.#waitTimeoutMs);
  }

  async highest(resource: string): Promise<FencingToken | null> {
    checkResource(resource);
    return this.#explained(resource, (connection) => this.#fences.highest(connection, resource));
  }

  setup(): Promise<void> {
    return this.#explained(undefined, (connection) => createTable(connection, this.#name));
  }

  guardedUpdate(update: GuardedUpdate): { sql: string; values: SqlValue[] } {
    const { text, values } = updateStatement(update, dialect);
    return { sql: text, values };
  }

  async update(update: GuardedUpdate): Promise<number> {
    const { sql, values } = this.guardedUpdate(update);
    return this.#explained(undefined, async (connection, wait) => {
      const changed = await this.#again(wait, () => matched(connection, sql, values));
      if (changed > 0) return changed;
      const refusal = refusalStatement(update, dialect);
      const [highest] = await firstColumn(connection, refusal.text, refusal.values);
      if (highest === null || highest === undefined) return 0;
      throw staleRow(update, readToken(highest));
    });
  }

  async protect(table: TableName, options: { column?: string } = {}): Promise<void> {
    return this.#explained(undefined, (connection) => protect(connection, table, options.column ?? DEFAULT_COLUMN));
  }

  async unprotect(table: TableName): Promise<void> {
    return this.#explained(undefined, (connection) => unprotect(connection, table));
  }

  refusalOf(error: unknown): StaleTokenError | null {
    return refusalOf(error);
  }

  #wait(resource: string | undefined): BusyWait {
    return startWait(resource, this.#waitTimeoutMs);
  }

  async #raise(connection: Connection, resource: string, token: FencingToken, wait: BusyWait): Promise<void> {
    try {
      await this.#again(
        wait,
        () => this.#fences.raise(connection, resource, token),
        async () => {
          // Two first uses at once can deadlock. The server has rolled all back, and nothing of the body was in it.
          await rollBack(connection);
          await begin(connection);
        },
      );
      await this.#fences.confirm(connection, resource, token);
      await change(connection, `SAVEPOINT ${SAVEPOINT}`);
    } catch (error) {
      throw this.#fences.explainWait(error, resource, this.#waitTimeoutMs);
    }
  }

  /** Runs a statement or a few outside of a run, and throws the guard's own error where it has one for theirs. */
  async #explained<T>(
    resource: string | undefined,
    action: (connection: Connection, wait: BusyWait) => Promise<T>,
  ): Promise<T> {
    const wait = this.#wait(resource);
    return withAutocommit(this.#pool, wait, async (connection) => {
      try {
        return await action(connection, wait);
      } catch (error) {
        throw this.#fences.explainWait(error, resource, this.#waitTimeoutMs);
      }
    });
  }

  /**
   * A statement that the server has taken back because of another writer, with all of its transaction, is sent again.
   */
  async #again<T>(wait: BusyWait, statement: () => Promise<T>, before = () => Promise.resolve()): Promise<T> {
    for (;;) {
      try {
        return await statement();
      } catch (error) {
        if (!hasNumber(error, ...ErrorNumber.again)) throw error;
        if (performance.now() >= wait.deadlineMs) throw busyFence(wait.resource, wait.waitTimeoutMs, error);
        await before();
      }
    }
  }
}

/** A body has savepoints of its own, under other names. */
const SAVEPOINT = "zk_lock_manager_fence";

/**
 * The savepoint was set when the fence was raised. It is gone with that transaction if the body, or the server, ended
 * it.
 */
async function checkSavepoint(connection: MysqlConnection, resource: string): Promise<void> {
  try {
    await change(connection, `RELEASE SAVEPOINT ${SAVEPOINT}`);
  } catch (error) {
    throw hasNumber(error, ErrorNumber.noSavepoint) ? endedTransaction(resource, error) : error;
  }
}
