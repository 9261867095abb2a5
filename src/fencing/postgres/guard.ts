import type { StaleTokenError } from "../../errors.js";
import { checkResource, checkToken, readToken, timeOption } from "../arguments.js";
import { startWait, leftOf } from "../sql/busy-wait.js";
import type { BusyWait } from "../sql/busy-wait.js";
import { busyFence, lostConnection } from "../errors.js";
import { DEFAULT_COLUMN, DEFAULT_IDLE_TIMEOUT_MS, DEFAULT_TABLE, DEFAULT_WAIT_TIMEOUT_MS } from "../fence-guard.js";
import type { FenceGuard, FenceOptions, FencingToken } from "../fence-guard.js";
import { refusalStatement, staleRow, updateStatement } from "../sql/guarded-update.js";
import type { GuardedUpdate, SqlStatement } from "../sql/guarded-update.js";
import { quoteTable } from "../sql/table-name.js";
import type { TableName } from "../sql/table-name.js";
import { insideGuarded, openRun, refuseOrphan } from "../open-run.js";
import { check } from "./check.js";
import { commit, withConnection } from "./connection.js";
import { dialect } from "./dialect.js";
import { Fences, TOKEN_SETTING } from "./fence.js";
import { SqlState, firstRow, hasState } from "./pool.js";
import type { ClientOf, PostgresClient, PostgresPool, PostgresTransaction } from "./pool.js";
import { RESTORE_STATEMENT_TIMEOUT, SAVE_STATEMENT_TIMEOUT } from "./settings.js";
import { createTable } from "./table.js";
import { protect, refusalOf, unprotect } from "./trigger.js";

/** The options of `postgresFence`. */
export interface PostgresFenceOptions extends FenceOptions {
  /** The guard's table. Default `zk_lock_fences`, in the first schema of the search path. */
  table?: TableName;
  /**
   * How long PostgreSQL waits for the next statement of a transaction before it ends it, in milliseconds. A process
   * that was stopped in the middle can keep others waiting that long. Keep it below `waitTimeoutMs`. Default 10,000.
   */
  idleTimeoutMs?: number;
}

/** A fence guard over a pool of PostgreSQL connections: see `postgresFence`. */
export interface PostgresFenceGuard<Client extends PostgresClient> extends FenceGuard<Client> {
  /**
   * Raises the fence inside a transaction that you, or your ORM, opened and will commit: what you write in it before it
   * ends is protected as in the body of `run`. Await it before you write. `tx` is the connection of the transaction,
   * not the pool.
   *
   * It rejects as `run` does, and with FenceTransactionError where no transaction is open. After each of these errors
   * the transaction may go on as if `check` had not been called; roll it back unless you know better. It rejects with
   * FenceBusyError also where the transaction is REPEATABLE READ or SERIALIZABLE and the fence was raised since its
   * snapshot: begin it anew.
   */
  check(tx: PostgresTransaction, resource: string, token: FencingToken): Promise<void>;
  /** The guarded UPDATE as a statement, to be run with `client.query(statement)`. */
  guardedUpdate(update: GuardedUpdate): SqlStatement;
  /**
   * Runs the guarded UPDATE, and gives the number of rows changed.
   * @throws StaleTokenError where a higher token kept it from changing any
   */
  update(update: GuardedUpdate): Promise<number>;
  /**
   * Puts a trigger on `table` that refuses every INSERT, UPDATE and DELETE without a token, or with one below the
   * row's, from every client. `column` is a BIGINT of the table, `fence_token` by default.
   */
  protect(table: TableName, options?: { column?: string }): Promise<void>;
  /** Takes the trigger of `protect` away; nothing happens where there is none. */
  unprotect(table: TableName): Promise<void>;
  /**
   * The StaleTokenError that an error of the trigger stands for; null for any other error. `run` does this by itself.
   */
  refusalOf(error: unknown): StaleTokenError | null;
}

/**
 * Makes a fence guard over a PostgreSQL pool: `new pg.Pool(…)`, or anything with its `connect()`.
 *
 * @example
 * const guard = postgresFence(new pg.Pool({ connectionString: process.env.DATABASE_URL }));
 * await guard.setup(); // once
 * await lock.using(({ token }) =>
 *   guard.run("account/7", token, (tx) => tx.query("UPDATE account SET balance = balance + 10 WHERE id = 7")),
 * );
 */
export function postgresFence<Pool extends PostgresPool<PostgresClient>>(
  pool: Pool,
  options: PostgresFenceOptions = {},
): PostgresFenceGuard<ClientOf<Pool>> {
  return new PostgresFence(pool as unknown as PostgresPool<ClientOf<Pool>>, options);
}

class PostgresFence<Client extends PostgresClient> implements PostgresFenceGuard<Client> {
  readonly #pool: PostgresPool<Client>;
  readonly #fences: Fences;
  readonly #waitTimeoutMs: number;
  readonly #idleTimeoutMs: number;

  constructor(pool: PostgresPool<Client>, options: PostgresFenceOptions) {
    this.#pool = pool;
    this.#fences = new Fences(quoteTable(options.table ?? DEFAULT_TABLE, dialect));
    this.#waitTimeoutMs = timeOption("waitTimeoutMs", options.waitTimeoutMs, DEFAULT_WAIT_TIMEOUT_MS);
    this.#idleTimeoutMs = timeOption("idleTimeoutMs", options.idleTimeoutMs, DEFAULT_IDLE_TIMEOUT_MS);
  }

  async run<T>(resource: string, token: FencingToken, body: (tx: Client) => Promise<T> | T): Promise<T> {
    checkResource(resource);
    checkToken(token);
    const run = openRun(this.#pool, this.#fences.table, resource);
    const wait = this.#wait(resource);
    try {
      return await withConnection(this.#pool, wait, async (client, loan) => {
        loan.onLost(() => (run.state = "lost"));
        await this.#begin(client, token, wait);
        const id = await this.#raise(client, resource, token);
        const result = await insideGuarded(
          run,
          () => body(client),
          (error) => refusalOf(error, { resource, token }),
        );
        if (loan.lost !== undefined) throw lostConnection(resource, loan.lost);
        refuseOrphan(run);
        await commit(client, id, resource);
        return result;
      });
    } finally {
      run.state = "ended";
    }
  }

  async check(tx: PostgresTransaction, resource: string, token: FencingToken): Promise<void> {
    checkResource(resource);
    checkToken(token);
    await check(this.#fences, tx, resource, token, this.#waitTimeoutMs);
  }

  async highest(resource: string): Promise<FencingToken | null> {
    checkResource(resource);
    return this.#explained(resource, (client) => this.#fences.highest(client, resource));
  }

  setup(): Promise<void> {
    return this.#explained(undefined, (client) => createTable(client, this.#fences.table));
  }

  guardedUpdate(update: GuardedUpdate): SqlStatement {
    return updateStatement(update, dialect);
  }

  async update(update: GuardedUpdate): Promise<number> {
    const { text, values } = this.guardedUpdate(update);
    return this.#explained(undefined, async (client, wait) => {
      const changed = await this.#again(wait, async () => (await client.query(text, values)).rowCount ?? 0);
      if (changed > 0) return changed;
      const refusal = refusalStatement(update, dialect);
      const highest = firstRow(await client.query(refusal.text, refusal.values))?.["token"];
      if (highest === null || highest === undefined) return 0;
      throw staleRow(update, readToken(highest));
    });
  }

  async protect(table: TableName, options: { column?: string } = {}): Promise<void> {
    const column = options.column ?? DEFAULT_COLUMN;
    return this.#explained(undefined, (client) => protect(client, table, column, this.#waitTimeoutMs));
  }

  async unprotect(table: TableName): Promise<void> {
    return this.#explained(undefined, (client) => unprotect(client, table, this.#waitTimeoutMs));
  }

  refusalOf(error: unknown): StaleTokenError | null {
    return refusalOf(error);
  }

  #wait(resource: string | undefined): BusyWait {
    return startWait(resource, this.#waitTimeoutMs);
  }

  /**
   * READ COMMITTED, whatever the default of the database is: each statement of the body then sees all that was
   * committed before the fence was ours. In a stricter level the snapshot could be older than the wait for the fence.
   * tcp_user_timeout is for a client that was stopped while it was being sent a long answer: the server is not idle
   * then.
   */
  async #begin(client: Client, token: FencingToken, wait: BusyWait): Promise<void> {
    const statements = [
      "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
      `SET LOCAL lock_timeout = ${leftOf(wait)}`,
      SAVE_STATEMENT_TIMEOUT,
      `SET LOCAL idle_in_transaction_session_timeout = ${this.#idleTimeoutMs}`,
      `SET LOCAL tcp_user_timeout = ${this.#idleTimeoutMs}`,
      `SET LOCAL ${TOKEN_SETTING} = '${token}'`,
    ];
    try {
      await client.query(statements.join("; "));
    } catch (error) {
      throw this.#fences.explain(error);
    }
  }

  async #raise(client: Client, resource: string, token: FencingToken): Promise<string> {
    try {
      return await this.#fences.raise(client, resource, token, [RESTORE_STATEMENT_TIMEOUT]);
    } catch (error) {
      throw this.#fences.explainRaise(error, resource, this.#waitTimeoutMs);
    }
  }

  /** For what is no run: one statement or a few, whose errors are the guard's where it has one for them. */
  async #explained<T>(
    resource: string | undefined,
    action: (client: Client, wait: BusyWait) => Promise<T>,
  ): Promise<T> {
    const wait = this.#wait(resource);
    return withConnection(this.#pool, wait, async (client) => {
      try {
        return await action(client, wait);
      } catch (error) {
        if (!hasState(error, SqlState.lockNotAvailable, SqlState.queryCanceled)) throw this.#fences.explain(error);
        throw busyFence(resource, this.#waitTimeoutMs, error);
      }
    });
  }

  /**
   * A single statement that a stricter isolation level refuses because of another writer, or that a deadlock ended, has
   * written nothing and may be sent again. READ COMMITTED does the first by itself.
   */
  async #again<T>(wait: BusyWait, statement: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await statement();
      } catch (error) {
        if (!hasState(error, SqlState.serializationFailure, SqlState.deadlock)) throw error;
        if (performance.now() >= wait.deadlineMs) throw busyFence(wait.resource, wait.waitTimeoutMs, error);
      }
    }
  }
}
