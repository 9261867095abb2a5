import type { StaleTokenError } from "../../errors.js";
import { checkResource, checkToken, readToken, timeOption } from "../arguments.js";
import { busyFence, missingSetup, staleToken } from "../errors.js";
import { DEFAULT_COLUMN, DEFAULT_IDLE_TIMEOUT_MS, DEFAULT_TABLE, DEFAULT_WAIT_TIMEOUT_MS } from "../fence-guard.js";
import type { FenceGuard, FenceOptions, FencingToken } from "../fence-guard.js";
import { refusalStatement, staleRow, updateStatement } from "../guarded-update.js";
import type { GuardedUpdate, SqlStatement } from "../guarded-update.js";
import { quoteTable } from "../table-name.js";
import type { TableName } from "../table-name.js";
import { commit, withConnection } from "./connection.js";
import { dialect } from "./dialect.js";
import { SqlState, firstRow, hasState } from "./pool.js";
import type { ClientOf, PostgresClient, PostgresPool } from "./pool.js";
import { createTable } from "./table.js";
import { TOKEN_SETTING, protect, refusalOf, unprotect } from "./trigger.js";

export interface PostgresFenceOptions extends FenceOptions {
  /** The guard's table. Default `zk_lock_fences`, in the first schema of the search path. */
  table?: TableName;
  /**
   * How long PostgreSQL waits for the next statement of a transaction before it ends it, in milliseconds: so long can a
   * process that was stopped in the middle keep others waiting. Default 10,000. Keep it below `waitTimeoutMs`.
   */
  idleTimeoutMs?: number;
}

export interface PostgresFenceGuard<Client extends PostgresClient> extends FenceGuard<Client> {
  /** The guarded UPDATE as a statement, to be run with `client.query(statement)`. */
  guardedUpdate(update: GuardedUpdate): SqlStatement;
  /** Runs the guarded UPDATE. Gives the number of rows changed; StaleTokenError where a higher token kept it from any. */
  update(update: GuardedUpdate): Promise<number>;
  /**
   * Puts a trigger on `table` that refuses every INSERT, UPDATE and DELETE without a token, or with one below the row's,
   * whoever sends it. `column` is a BIGINT of the table, `fence_token` by default.
   */
  protect(table: TableName, options?: { column?: string }): Promise<void>;
  /** Takes the trigger of `protect` away; nothing happens where there is none. */
  unprotect(table: TableName): Promise<void>;
  /** The StaleTokenError that an error of the trigger stands for; null for any other error. `run` does this by itself. */
  refusalOf(error: unknown): StaleTokenError | null;
}

/** A fence guard over a PostgreSQL pool: `new pg.Pool(…)`, or anything with its `connect()`. */
export function postgresFence<Pool extends PostgresPool<PostgresClient>>(
  pool: Pool,
  options: PostgresFenceOptions = {},
): PostgresFenceGuard<ClientOf<Pool>> {
  return new PostgresFence(pool as unknown as PostgresPool<ClientOf<Pool>>, options);
}

class PostgresFence<Client extends PostgresClient> implements PostgresFenceGuard<Client> {
  readonly #pool: PostgresPool<Client>;
  readonly #table: string;
  readonly #waitTimeoutMs: number;
  readonly #idleTimeoutMs: number;

  constructor(pool: PostgresPool<Client>, options: PostgresFenceOptions) {
    this.#pool = pool;
    this.#table = quoteTable(options.table ?? DEFAULT_TABLE, dialect);
    this.#waitTimeoutMs = timeOption("waitTimeoutMs", options.waitTimeoutMs, DEFAULT_WAIT_TIMEOUT_MS);
    this.#idleTimeoutMs = timeOption("idleTimeoutMs", options.idleTimeoutMs, DEFAULT_IDLE_TIMEOUT_MS);
  }

  async run<T>(resource: string, token: FencingToken, body: (tx: Client) => Promise<T> | T): Promise<T> {
    checkResource(resource);
    checkToken(token);
    return withConnection(this.#pool, async (client) => {
      await client.query(this.#begin(token));
      await this.#raise(client, resource, token);
      const result = await this.#body(client, resource, token, body);
      await commit(client);
      return result;
    });
  }

  async highest(resource: string): Promise<FencingToken | null> {
    checkResource(resource);
    return withConnection(this.#pool, (client) => this.#highest(client, resource));
  }

  setup(): Promise<void> {
    return withConnection(this.#pool, (client) => createTable(client, this.#table));
  }

  guardedUpdate(update: GuardedUpdate): SqlStatement {
    return updateStatement(update, dialect);
  }

  async update(update: GuardedUpdate): Promise<number> {
    const { text, values } = this.guardedUpdate(update);
    return withConnection(this.#pool, async (client) => {
      const changed = (await client.query(text, values)).rowCount ?? 0;
      if (changed > 0) return changed;
      const refusal = refusalStatement(update, dialect);
      const highest = firstRow(await client.query(refusal.text, refusal.values))?.["token"];
      if (highest === null || highest === undefined) return 0;
      throw staleRow(update, readToken(highest));
    });
  }

  protect(table: TableName, options: { column?: string } = {}): Promise<void> {
    const column = options.column ?? DEFAULT_COLUMN;
    return withConnection(this.#pool, (client) => protect(client, table, column, this.#waitTimeoutMs));
  }

  unprotect(table: TableName): Promise<void> {
    return withConnection(this.#pool, (client) => unprotect(client, table, this.#waitTimeoutMs));
  }

  refusalOf(error: unknown): StaleTokenError | null {
    return refusalOf(error);
  }

  /**
   * READ COMMITTED, whatever the default of the database is: each statement of the body then sees all that was committed
   * before the fence was ours. In a stricter level the snapshot could be older than the wait for the fence.
   * tcp_user_timeout is for a client that was stopped while it was being sent a long answer: the server is not idle then.
   */
  #begin(token: FencingToken): string {
    return [
      "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
      `SET LOCAL lock_timeout = ${this.#waitTimeoutMs}`,
      `SET LOCAL idle_in_transaction_session_timeout = ${this.#idleTimeoutMs}`,
      `SET LOCAL tcp_user_timeout = ${this.#idleTimeoutMs}`,
      `SET LOCAL ${TOKEN_SETTING} = '${token}'`,
    ].join("; ");
  }

  /** Check, raise and lock in one statement: the row is locked until the end of the transaction even where it refuses. */
  async #raise(client: Client, resource: string, token: FencingToken): Promise<void> {
    const sql =
      `INSERT INTO ${this.#table} AS fence (resource, token) VALUES ($1, $2::bigint) ON CONFLICT (resource) ` +
      "DO UPDATE SET token = excluded.token WHERE fence.token <= excluded.token";
    let raised: number | null;
    try {
      raised = (await client.query(sql, [resource, token])).rowCount;
    } catch (error) {
      if (hasState(error, SqlState.lockNotAvailable)) throw busyFence(resource, this.#waitTimeoutMs, error);
      throw this.#explain(error);
    }
    if (raised === 1) return;
    const highest = await this.#highest(client, resource);
    throw staleToken(resource, token, highest ?? token);
  }

  async #body<T>(
    client: Client,
    resource: string,
    token: FencingToken,
    body: (tx: Client) => Promise<T> | T,
  ): Promise<T> {
    try {
      return await body(client);
    } catch (error) {
      throw refusalOf(error, { resource, token }) ?? error;
    }
  }

  async #highest(client: Client, resource: string): Promise<FencingToken | null> {
    try {
      const row = firstRow(
        await client.query(`SELECT token::text AS token FROM ${this.#table} WHERE resource = $1`, [resource]),
      );
      return row === undefined ? null : readToken(row["token"]);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  #explain(error: unknown): unknown {
    return hasState(error, SqlState.undefinedTable, SqlState.undefinedSchema)
      ? missingSetup(this.#table, error)
      : error;
  }
}
