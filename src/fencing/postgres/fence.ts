import { firstValue, rowsOf } from "../sql/answer.js";
import { readToken } from "../arguments.js";
import { busyFence, foreignTable, missingSetup, readOnlyStore, staleToken, unreadableAnswer } from "../errors.js";
import type { FencingToken } from "../fence-guard.js";
import { TOKEN_PATTERN } from "../sql/guarded-update.js";
import { SqlState, hasState } from "./pool.js";
import type { PostgresTransaction } from "./pool.js";

/** `run` announces its token under this name to its own transaction, so that its statements need not repeat it. */
export const TOKEN_SETTING = "zk_lock_manager.token";

/** And under this one for which transaction: a setting that outlives it announces nothing. */
export const TRANSACTION_SETTING = "zk_lock_manager.transaction";

/** The rows of one guard's table, for statements inside a transaction. `table` is quoted already. */
export class Fences {
  readonly table: string;

  constructor(table: string) {
    this.table = table;
  }

  /**
   * Raises the fence and gives the id of the transaction. Check, raise and lock are one statement: the row is locked
   * until the end of the transaction even where it refuses. `then` is evaluated where it was raised. There are no
   * parameters, because what is built on a driver has its own way to write them.
   */
  async raise(
    tx: PostgresTransaction,
    resource: string,
    token: FencingToken,
    then: readonly string[],
  ): Promise<string> {
    // Compared as the integers they are, whatever the column's type: a value that is no token is neither compared nor
    // written over.
    const isToken = `fence.token::pg_catalog.text OPERATOR(pg_catalog.~) '${TOKEN_PATTERN}'`;
    const notAbove = `fence.token::pg_catalog.text::bigint OPERATOR(pg_catalog.<=) ${token}`;
    const transaction = "pg_catalog.txid_current()::pg_catalog.text";
    const announce = `pg_catalog.set_config('${TRANSACTION_SETTING}', ${transaction}, true)`;
    const answer = await tx.query(
      `INSERT INTO ${this.table} AS fence (resource, token) VALUES (${literal(resource)}, ${token}) ON CONFLICT ` +
        `(resource) DO UPDATE SET token = excluded.token WHERE CASE WHEN ${isToken} THEN ${notAbove} ELSE false END ` +
        `RETURNING ${["pg_catalog.txid_current()::pg_catalog.text AS id", announce, ...then].join(", ")}`,
    );
    const id = rowsOf(answer).length === 0 ? undefined : firstValue(answer);
    if (typeof id === "string" && /^\d+$/.test(id)) return id;
    const highest = await this.highest(tx, resource);
    if (highest === null || highest <= token) throw unreadableAnswer();
    throw staleToken(resource, token, highest);
  }

  async highest(tx: PostgresTransaction, resource: string): Promise<FencingToken | null> {
    const answer = await tx.query(
      `SELECT token::text AS token FROM ${this.table} WHERE resource OPERATOR(pg_catalog.=) ${literal(resource)}`,
    );
    return rowsOf(answer).length === 0 ? null : readToken(firstValue(answer));
  }

  /** The guard's error for one of the server's. Where there is none, it is the very error. */
  explain(error: unknown): unknown {
    if (hasState(error, SqlState.undefinedTable, SqlState.undefinedSchema)) return missingSetup(this.table, error);
    if (hasState(error, ...MISMATCHES)) return foreignTable(this.table, error);
    return hasState(error, SqlState.readOnlyTransaction) ? readOnlyStore(error) : error;
  }

  /**
   * The same for an error of the raise, in which everything that ends a wait means that somebody else has the fence.
   */
  explainRaise(error: unknown, resource: string, waitTimeoutMs: number): unknown {
    return hasState(error, ...IN_THE_WAY) ? busyFence(resource, waitTimeoutMs, error) : this.explain(error);
  }
}

/** What the server says where the table has other columns, types or keys than ours. */
const MISMATCHES = [
  SqlState.undefinedColumn,
  SqlState.undefinedFunction,
  SqlState.noUniqueColumn,
  SqlState.wrongType,
  SqlState.outOfRange,
];

const IN_THE_WAY = [
  SqlState.lockNotAvailable,
  SqlState.queryCanceled,
  SqlState.serializationFailure,
  SqlState.deadlock,
];

/** A name as an expression: exact under every setting of the session, and nothing in it can be read as SQL. */
function literal(resource: string): string {
  return `pg_catalog.convert_from(pg_catalog.decode('${Buffer.from(resource).toString("hex")}', 'hex'), 'UTF8')`;
}
