import { attachSuppressed } from "../clean-up.js";
import { asError } from "../thrown.js";
import { checkResource, checkToken, readToken, timeOption } from "../arguments.js";
import { FenceTransactionError, missingSetup, staleToken } from "../errors.js";
import { DEFAULT_TABLE, DEFAULT_WAIT_TIMEOUT_MS } from "../fence-guard.js";
import type { FenceGuard, FenceOptions, FencingToken } from "../fence-guard.js";
import { refusalStatement, staleRow, updateStatement } from "../guarded-update.js";
import type { GuardedUpdate, SqlDialect, SqlValue } from "../guarded-update.js";
import { quoteTable } from "../table-name.js";
import type { TableName } from "../table-name.js";
import { change, isMissingTable, isNoTransaction, value } from "./database.js";
import type { SqliteDatabase } from "./database.js";
import { execWhenFree, startWait, turnsOn } from "./write-lock.js";
import type { BusyWait } from "./write-lock.js";

export interface SqliteFenceOptions extends FenceOptions {
  /** The guard's table, with the name of an attached database where need be. Default `zk_lock_fences`. */
  table?: TableName;
}

export interface SqliteFenceGuard<Db extends SqliteDatabase> extends FenceGuard<Db> {
  /** The guarded UPDATE as a statement, to be run with `db.prepare(sql).run(...values)`. */
  guardedUpdate(update: GuardedUpdate): { sql: string; values: SqlValue[] };
  /** Runs the guarded UPDATE. Gives the number of rows changed; StaleTokenError where a higher token kept it from any. */
  update(update: GuardedUpdate): Promise<number>;
}

const dialect: SqlDialect = {
  quote: '"',
  limit: 255,
  unit: "characters",
  placeholder: () => "?",
  asInteger: (expression) => `CAST(${expression} AS INTEGER)`,
  asText: (expression) => `CAST(${expression} AS TEXT)`,
};

/**
 * A fence guard over one SQLite connection. Its runs take turns, and a body that waits keeps the connection: give the guard a
 * connection of its own, so that no other statement of the process slips into its transaction.
 */
export function sqliteFence<Db extends SqliteDatabase>(db: Db, options: SqliteFenceOptions = {}): SqliteFenceGuard<Db> {
  return new SqliteFence(db, options);
}

class SqliteFence<Db extends SqliteDatabase> implements SqliteFenceGuard<Db> {
  readonly #db: Db;
  readonly #table: string;
  readonly #waitTimeoutMs: number;

  constructor(db: Db, options: SqliteFenceOptions) {
    this.#db = db;
    this.#table = quoteTable(options.table ?? DEFAULT_TABLE, dialect);
    this.#waitTimeoutMs = timeOption("waitTimeoutMs", options.waitTimeoutMs, DEFAULT_WAIT_TIMEOUT_MS);
  }

  async run<T>(resource: string, token: FencingToken, body: (tx: Db) => Promise<T> | T): Promise<T> {
    checkResource(resource);
    checkToken(token);
    return this.#transaction(resource, () => {
      this.#raise(resource, token);
      return body(this.#db);
    });
  }

  async highest(resource: string): Promise<FencingToken | null> {
    checkResource(resource);
    return this.#exclusively(resource, () => Promise.resolve(this.#highest(resource)));
  }

  async setup(): Promise<void> {
    const columns = "resource TEXT NOT NULL PRIMARY KEY COLLATE BINARY, token INTEGER NOT NULL";
    const sql = `CREATE TABLE IF NOT EXISTS ${this.#table} (${columns}) WITHOUT ROWID`;
    await this.#exclusively(undefined, (wait) => execWhenFree(this.#db, sql, wait));
  }

  guardedUpdate(update: GuardedUpdate): { sql: string; values: SqlValue[] } {
    const { text, values } = updateStatement(update, dialect);
    return { sql: text, values };
  }

  async update(update: GuardedUpdate): Promise<number> {
    const { sql, values } = this.guardedUpdate(update);
    return this.#transaction(undefined, () => {
      const changed = change(this.#db, sql, values);
      if (changed === 0) this.#explain(update);
      return changed;
    });
  }

  /** BEGIN IMMEDIATE takes the file's write lock at once, so that check, raise and body are one step to everybody else. */
  async #transaction<T>(resource: string | undefined, body: () => Promise<T> | T): Promise<T> {
    return this.#exclusively(resource, async (wait) => {
      await execWhenFree(this.#db, "BEGIN IMMEDIATE", wait);
      try {
        const result = await body();
        await this.#commit(resource);
        return result;
      } catch (error) {
        attachSuppressed(error, this.#rollBack());
        throw error;
      }
    });
  }

  /** Readers can keep a COMMIT waiting too (outside WAL mode), so it has a wait of its own. */
  async #commit(resource: string | undefined): Promise<void> {
    try {
      await execWhenFree(this.#db, "COMMIT", startWait(resource, this.#waitTimeoutMs));
    } catch (error) {
      if (!isNoTransaction(error)) throw error;
      throw new FenceTransactionError(
        "The transaction of the guard was over before its COMMIT: the body leaves COMMIT and ROLLBACK to the guard.",
        { resource, cause: error },
      );
    }
  }

  async #exclusively<T>(resource: string | undefined, action: (wait: BusyWait) => Promise<T>): Promise<T> {
    const wait = startWait(resource, this.#waitTimeoutMs);
    const end = await turnsOn(this.#db).take(resource, this.#waitTimeoutMs);
    try {
      return await action(wait);
    } finally {
      end();
    }
  }

  #raise(resource: string, token: FencingToken): void {
    const highest = this.#highest(resource);
    if (highest !== null && token < highest) throw staleToken(resource, token, highest);
    const insert = `INSERT INTO ${this.#table} (resource, token) VALUES (?, CAST(? AS INTEGER))`;
    change(this.#db, `${insert} ON CONFLICT (resource) DO UPDATE SET token = excluded.token`, [resource, token]);
  }

  #highest(resource: string): FencingToken | null {
    try {
      const sql = `SELECT CAST(token AS TEXT) FROM ${this.#table} WHERE resource = ?`;
      const stored = value(this.#db, sql, [resource]);
      return stored === undefined ? null : readToken(stored);
    } catch (error) {
      throw isMissingTable(error) ? missingSetup(this.#table, error) : error;
    }
  }

  #explain(update: GuardedUpdate): void {
    const { text, values } = refusalStatement(update, dialect);
    const highest = value(this.#db, text, values);
    if (highest !== null && highest !== undefined) throw staleRow(update, readToken(highest));
  }

  /** Gives the error where even that failed. */
  #rollBack(): Error | undefined {
    try {
      this.#db.exec("ROLLBACK");
      return undefined;
    } catch (error) {
      return isNoTransaction(error) ? undefined : asError(error);
    }
  }
}
