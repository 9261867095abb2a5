import type { StaleTokenError } from "../../errors.js";
import { checkResource, checkToken, readToken, timeOption } from "../arguments.js";
import { busyFence, missingSetup, staleToken } from "../errors.js";
import { DEFAULT_COLUMN, DEFAULT_IDLE_TIMEOUT_MS, DEFAULT_TABLE, DEFAULT_WAIT_TIMEOUT_MS } from "../fence-guard.js";
import type { FenceGuard, FenceOptions, FencingToken } from "../fence-guard.js";
import { refusalStatement, staleRow, updateStatement } from "../guarded-update.js";
import type { GuardedUpdate, SqlValue } from "../guarded-update.js";
import { quoteTable } from "../table-name.js";
import type { TableName } from "../table-name.js";
import { inTransaction, withConnection } from "./connection.js";
import type { TransactionTimes } from "./connection.js";
import { dialect } from "./dialect.js";
import { ErrorNumber, change, checkPool, firstColumn, hasNumber } from "./pool.js";
import type { MysqlConnection, MysqlPool } from "./pool.js";
import { protect, refusalOf, unprotect } from "./trigger.js";

export interface MysqlFenceOptions extends FenceOptions {
  /** The guard's table. Default `zk_lock_fences`, in the database of the connection. */
  table?: TableName;
  /**
   * How long the server waits for the next statement of a transaction before it closes the connection, in milliseconds,
   * rounded up to whole seconds: so long can a process that was stopped in the middle keep others waiting. Default 10,000.
   * Keep it below `waitTimeoutMs`, which is rounded up in the same way.
   */
  idleTimeoutMs?: number;
}

export interface MysqlFenceGuard<Connection extends MysqlConnection> extends FenceGuard<Connection> {
  /** The guarded UPDATE as a statement, to be run with `tx.execute(sql, values)`. */
  guardedUpdate(update: GuardedUpdate): { sql: string; values: SqlValue[] };
  /** Runs the guarded UPDATE. Gives the number of rows matched; StaleTokenError where a higher token kept it from any. */
  update(update: GuardedUpdate): Promise<number>;
  /**
   * Puts triggers on `table` that refuse an INSERT, UPDATE or DELETE without a token, or with one below the row's, whoever
   * sends it. An UPDATE that leaves the column out cannot be told from one that repeats the row's token: see the guide.
   * `column` is a BIGINT of the table, `fence_token` by default.
   */
  protect(table: TableName, options?: { column?: string }): Promise<void>;
  /** Takes the triggers of `protect` away; nothing happens where there are none. */
  unprotect(table: TableName): Promise<void>;
  /** The StaleTokenError that an error of a trigger stands for; null for any other error. `run` does this by itself. */
  refusalOf(error: unknown): StaleTokenError | null;
}

/** A fence guard over a pool of `mysql2/promise`, for MySQL and MariaDB. The tables that a body writes must be InnoDB's. */
export function mysqlFence<Connection extends MysqlConnection>(
  pool: MysqlPool<Connection>,
  options: MysqlFenceOptions = {},
): MysqlFenceGuard<Connection> {
  return new MysqlFence(pool, options);
}

class MysqlFence<Connection extends MysqlConnection> implements MysqlFenceGuard<Connection> {
  readonly #pool: MysqlPool<Connection>;
  readonly #table: string;
  readonly #times: TransactionTimes;

  constructor(pool: MysqlPool<Connection>, options: MysqlFenceOptions) {
    checkPool(pool);
    this.#pool = pool;
    this.#table = quoteTable(options.table ?? DEFAULT_TABLE, dialect);
    this.#times = {
      waitTimeoutMs: timeOption("waitTimeoutMs", options.waitTimeoutMs, DEFAULT_WAIT_TIMEOUT_MS),
      idleTimeoutMs: timeOption("idleTimeoutMs", options.idleTimeoutMs, DEFAULT_IDLE_TIMEOUT_MS),
    };
  }

  async run<T>(resource: string, token: FencingToken, body: (tx: Connection) => Promise<T> | T): Promise<T> {
    checkResource(resource);
    checkToken(token);
    return withConnection(this.#pool, (connection, broken) =>
      inTransaction(connection, token, this.#times, broken, async () => {
        await this.#raise(connection, resource, token);
        try {
          return await body(connection);
        } catch (error) {
          throw refusalOf(error, { resource, token }) ?? error;
        }
      }),
    );
  }

  async highest(resource: string): Promise<FencingToken | null> {
    checkResource(resource);
    return withConnection(this.#pool, (connection) => this.#highest(connection, resource, ""));
  }

  async setup(): Promise<void> {
    // Bytes compare exactly, trailing spaces and letter case included, which no text type promises in every collation.
    const columns = "resource VARBINARY(512) NOT NULL PRIMARY KEY, token BIGINT NOT NULL";
    await withConnection(this.#pool, (connection) =>
      change(connection, `CREATE TABLE IF NOT EXISTS ${this.#table} (${columns}) ENGINE = InnoDB`),
    );
  }

  guardedUpdate(update: GuardedUpdate): { sql: string; values: SqlValue[] } {
    const { text, values } = updateStatement(update, dialect);
    return { sql: text, values };
  }

  async update(update: GuardedUpdate): Promise<number> {
    const { sql, values } = this.guardedUpdate(update);
    return withConnection(this.#pool, async (connection) => {
      const changed = await change(connection, sql, values);
      if (changed > 0) return changed;
      const refusal = refusalStatement(update, dialect);
      const [highest] = await firstColumn(connection, refusal.text, refusal.values);
      if (highest === null || highest === undefined) return 0;
      throw staleRow(update, readToken(highest));
    });
  }

  protect(table: TableName, options: { column?: string } = {}): Promise<void> {
    return withConnection(this.#pool, (connection) => protect(connection, table, options.column ?? DEFAULT_COLUMN));
  }

  unprotect(table: TableName): Promise<void> {
    return withConnection(this.#pool, (connection) => unprotect(connection, table));
  }

  refusalOf(error: unknown): StaleTokenError | null {
    return refusalOf(error);
  }

  /**
   * The INSERT locks the row, new or old, until the end of the transaction, and raises it; the locking read after it sees
   * the row as it is, in every isolation level. Neither makes a snapshot, so what the body reads is newer than both.
   */
  async #raise(connection: Connection, resource: string, token: FencingToken): Promise<void> {
    const insert =
      `INSERT INTO ${this.#table} (resource, token) VALUES (${inHex(resource)}, ${token}) ` +
      `ON DUPLICATE KEY UPDATE token = GREATEST(token, ${token})`;
    const deadlineMs = performance.now() + this.#times.waitTimeoutMs;
    for (;;) {
      try {
        await change(connection, insert);
        break;
      } catch (error) {
        const again = hasNumber(error, ErrorNumber.deadlock, ErrorNumber.recordChanged);
        if (hasNumber(error, ErrorNumber.lockWaitTimeout) || (again && performance.now() >= deadlineMs)) {
          throw busyFence(resource, this.#times.waitTimeoutMs, error);
        }
        if (!again) throw this.#explain(error);
        // Two first uses at once can deadlock. The server has rolled all back, and nothing of the body was in it.
        await change(connection, "ROLLBACK");
        await change(connection, "START TRANSACTION");
      }
    }
    const highest = await this.#highest(connection, resource, " FOR UPDATE");
    if (highest !== token) throw staleToken(resource, token, highest ?? token);
  }

  async #highest(connection: Connection, resource: string, locking: string): Promise<FencingToken | null> {
    const sql = `SELECT CAST(token AS CHAR) AS token FROM ${this.#table} WHERE resource = ${inHex(resource)}${locking}`;
    try {
      const [highest] = await firstColumn(connection, sql);
      return highest === undefined ? null : readToken(highest);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  #explain(error: unknown): unknown {
    return hasNumber(error, ErrorNumber.noSuchTable) ? missingSetup(this.#table, error) : error;
  }
}

/** The bytes of a name as a literal: exact in every character set and SQL mode, and nothing in it can be read as SQL. */
function inHex(resource: string): string {
  return `X'${Buffer.from(resource).toString("hex")}'`;
}
