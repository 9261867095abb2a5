import { attachSuppressed } from "../sql/clean-up.js";
import { asError } from "../thrown.js";
import { checkResource, checkToken, readToken, timeOption } from "../arguments.js";
import { startWait } from "../sql/busy-wait.js";
import type { BusyWait } from "../sql/busy-wait.js";
import {
  busyFence,
  endedTransaction,
  foreignTable,
  missingSetup,
  noTransaction,
  openTransaction,
  readOnlyStore,
  staleToken,
} from "../errors.js";
import { DEFAULT_TABLE, DEFAULT_WAIT_TIMEOUT_MS } from "../fence-guard.js";
import type { FenceGuard, FenceOptions, FencingToken } from "../fence-guard.js";
import { refusalStatement, staleRow, updateStatement } from "../sql/guarded-update.js";
import type { GuardedUpdate, SqlValue } from "../sql/guarded-update.js";
import { inside, openRun, refuseInside } from "../open-run.js";
import { quoteTable } from "../sql/table-name.js";
import type { TableName } from "../sql/table-name.js";
import * as sqlite from "./database.js";
import { change, value } from "./database.js";
import type { SqliteDatabase } from "./database.js";
import { dialect } from "./dialect.js";
import { execWhenFree, turnsOn } from "./write-lock.js";

/** The options of `sqliteFence`. */
export interface SqliteFenceOptions extends FenceOptions {
  /** The guard's table, with the name of an attached database where need be. Default `zk_lock_fences`. */
  table?: TableName;
}

/** A fence guard over a SQLite connection: see `sqliteFence`. */
export interface SqliteFenceGuard<Db extends SqliteDatabase> extends FenceGuard<Db> {
  /**
   * Raises the fence inside a transaction that you, or your ORM, opened on `db` and will commit: what you write in it
   * from then on is protected as in the body of `run`. It answers at once, without a promise, so that it serves in a
   * synchronous transaction too.
   *
   * It throws as `run` rejects; FenceTransactionError where no transaction is open; FenceBusyError where another
   * connection is writing, or has written since this transaction began to read: roll it back, and begin with BEGIN
   * IMMEDIATE. It does not wait.
   */
  check(db: SqliteDatabase, resource: string, token: FencingToken): void;
  /** The guarded UPDATE as a statement, to be run with `db.prepare(sql).run(...values)`. */
  guardedUpdate(update: GuardedUpdate): { sql: string; values: SqlValue[] };
  /**
   * Runs the guarded UPDATE, and gives the number of rows changed.
   * @throws StaleTokenError where a higher token kept it from changing any
   */
  update(update: GuardedUpdate): Promise<number>;
}

/**
 * Makes a fence guard over one SQLite connection. Its runs take turns, and a body that waits keeps the connection: give
 * the guard a connection of its own, so that no other statement of the process slips into its transaction.
 *
 * @example
 * const db = new Database("app.db");
 * const guard = sqliteFence(db);
 * await guard.setup(); // once
 * await lock.using(({ token }) =>
 *   guard.run("account/7", token, (tx) => tx.prepare("UPDATE account SET balance = ? WHERE id = 7").run(110)),
 * );
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
    const run = openRun(this.#db, this.#table, resource);
    try {
      return await this.#transaction(resource, async () => {
        this.#raise(this.#db, resource, token);
        this.#db.exec(`SAVEPOINT ${SAVEPOINT}`);
        const result = await inside(run, () => body(this.#db));
        this.#checkSavepoint(resource);
        return result;
      });
    } finally {
      run.state = "ended";
    }
  }

  check(db: SqliteDatabase, resource: string, token: FencingToken): void {
    checkResource(resource);
    checkToken(token);
    if (!isOpen(db)) throw noTransaction(resource);
    try {
      this.#raise(db, resource, token);
    } catch (error) {
      throw sqlite.isBusy(error) ? busyFence(resource, 0, error) : error;
    }
  }

  async highest(resource: string): Promise<FencingToken | null> {
    checkResource(resource);
    return this.#exclusively(resource, () => Promise.resolve(this.#highest(this.#db, resource)));
  }

  async setup(): Promise<void> {
    const columns = "resource TEXT NOT NULL PRIMARY KEY COLLATE BINARY, token INTEGER NOT NULL";
    const sql = `CREATE TABLE IF NOT EXISTS ${this.#table} (${columns}) WITHOUT ROWID`;
    await this.#exclusively(undefined, async (wait) => {
      try {
        await execWhenFree(this.#db, sql, wait);
        // Compiled, not run: it fails where somebody else's table has other columns, or no key.
        this.#db.prepare(this.#insert);
      } catch (error) {
        throw this.#explain(error);
      }
    });
  }

  guardedUpdate(update: GuardedUpdate): { sql: string; values: SqlValue[] } {
    const { text, values } = updateStatement(update, dialect);
    return { sql: text, values };
  }

  async update(update: GuardedUpdate): Promise<number> {
    const { sql, values } = this.guardedUpdate(update);
    return this.#transaction(undefined, () => {
      try {
        const changed = change(this.#db, sql, values);
        if (changed === 0) this.#refuse(update);
        return changed;
      } catch (error) {
        throw sqlite.isReadOnly(error) ? readOnlyStore(error) : error;
      }
    });
  }

  /**
   * BEGIN IMMEDIATE takes the file's write lock at once, so that check, raise and body are one step to everybody else.
   */
  async #transaction<T>(resource: string | undefined, body: () => Promise<T> | T): Promise<T> {
    return this.#exclusively(resource, async (wait) => {
      await this.#begin(wait);
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

  async #begin(wait: BusyWait): Promise<void> {
    try {
      await execWhenFree(this.#db, "BEGIN IMMEDIATE", wait);
    } catch (error) {
      throw sqlite.isInTransaction(error) ? openTransaction(error) : this.#explain(error);
    }
  }

  /**
   * The savepoint was set when the fence was raised, and went with that transaction if the body, or SQLite, ended it.
   */
  #checkSavepoint(resource: string): void {
    try {
      this.#db.exec(`RELEASE ${SAVEPOINT}`);
    } catch (error) {
      throw sqlite.isNoSavepoint(error) ? endedTransaction(resource, error) : error;
    }
  }

  /** Readers can keep a COMMIT waiting too (outside WAL mode), so it has a wait of its own. */
  async #commit(resource: string | undefined): Promise<void> {
    await execWhenFree(this.#db, "COMMIT", startWait(resource, this.#waitTimeoutMs));
  }

  async #exclusively<T>(resource: string | undefined, action: (wait: BusyWait) => Promise<T>): Promise<T> {
    refuseInside(this.#db);
    const wait = startWait(resource, this.#waitTimeoutMs);
    const end = await turnsOn(this.#db).take(resource, this.#waitTimeoutMs);
    try {
      return await action(wait);
    } finally {
      end();
    }
  }

  #raise(db: SqliteDatabase, resource: string, token: FencingToken): void {
    const highest = this.#highest(db, resource);
    if (highest !== null && token < highest) throw staleToken(resource, token, highest);
    try {
      change(db, this.#insert, [resource, token]);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  get #insert(): string {
    const insert = `INSERT INTO ${this.#table} (resource, token) VALUES (?, CAST(? AS INTEGER))`;
    return `${insert} ON CONFLICT (resource) DO UPDATE SET token = excluded.token`;
  }

  /** A value that is no integer comes with its type, as no token would. */
  #highest(db: SqliteDatabase, resource: string): FencingToken | null {
    try {
      const [text, foreign] = [dialect.asText("token"), dialect.shown("token")];
      const token = `CASE typeof(token) WHEN 'integer' THEN ${text} ELSE ${foreign} END`;
      const stored = value(db, `SELECT ${token} FROM ${this.#table} WHERE resource = ?`, [resource]);
      return stored === undefined ? null : readToken(stored);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  #refuse(update: GuardedUpdate): void {
    const { text, values } = refusalStatement(update, dialect);
    const highest = value(this.#db, text, values);
    if (highest !== null && highest !== undefined) throw staleRow(update, readToken(highest));
  }

  #explain(error: unknown): unknown {
    if (sqlite.isMissingTable(error)) return missingSetup(this.#table, error);
    if (sqlite.isForeignTable(error)) return foreignTable(this.#table, error);
    return sqlite.isReadOnly(error) ? readOnlyStore(error) : error;
  }

  /** Gives the error where even that failed. */
  #rollBack(): Error | undefined {
    try {
      this.#db.exec("ROLLBACK");
      return undefined;
    } catch (error) {
      return sqlite.isNoTransaction(error) ? undefined : asError(error);
    }
  }
}

/** A body has savepoints of its own, under other names. */
const SAVEPOINT = "zk_lock_manager_fence";

/**
 * Whether a transaction is open. BEGIN is what both drivers have: within a transaction it fails, and leaves it as it
 * is.
 */
function isOpen(db: SqliteDatabase): boolean {
  try {
    db.exec("BEGIN");
  } catch (error) {
    if (sqlite.isInTransaction(error)) return true;
    throw error;
  }
  db.exec("ROLLBACK");
  return false;
}
