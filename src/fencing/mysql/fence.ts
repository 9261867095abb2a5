import { rowsOf } from "../sql/answer.js";
import { readToken } from "../arguments.js";
import { busyFence, foreignTable, missingSetup, readOnlyStore, staleToken, unreadableAnswer } from "../errors.js";
import type { FencingToken } from "../fence-guard.js";
import { dialect } from "./dialect.js";
import { ErrorNumber, hasNumber } from "./pool.js";
import type { MysqlTransaction } from "./pool.js";

/** The rows of one guard's table, for statements inside a transaction. `table` is quoted already. */
export class Fences {
  readonly table: string;

  constructor(table: string) {
    this.table = table;
  }

  /**
   * The INSERT locks the row, new or old, until the end of the transaction, and raises it; the locking read after it
   * sees the row as it is, in every isolation level. Neither makes a snapshot, so what the body reads is newer than
   * both. A value that is no token is not written over.
   */
  async raise(tx: MysqlTransaction, resource: string, token: FencingToken): Promise<void> {
    await tx.query(
      `INSERT INTO ${this.table} (resource, token) VALUES (${inHex(resource)}, ${token}) ON DUPLICATE KEY UPDATE ` +
        `token = IF(${dialect.isToken("token")} AND token < ${token}, ${token}, token)`,
    );
  }

  /** Throws unless the raise that went before has left the fence at `token`. */
  async confirm(tx: MysqlTransaction, resource: string, token: FencingToken): Promise<void> {
    const highest = await this.highest(tx, resource, " FOR UPDATE");
    if (highest === token) return;
    if (highest === null || highest < token) throw unreadableAnswer();
    throw staleToken(resource, token, highest);
  }

  async highest(tx: MysqlTransaction, resource: string, locking = ""): Promise<FencingToken | null> {
    const sql = `SELECT CAST(token AS CHAR) AS token FROM ${this.table} WHERE resource = ${inHex(resource)}${locking}`;
    const rows = rowsOf(await tx.query(sql));
    if (rows.length === 0) return null;
    // Without a key on it there would be a row for each raise.
    if (rows.length > 1) throw foreignTable(this.table);
    return readToken(Object.values(rows[0] as object)[0]);
  }

  /** The guard's error for one of the server's. Where there is none, it is the very error. */
  explain(error: unknown): unknown {
    if (hasNumber(error, ErrorNumber.noSuchTable)) return missingSetup(this.table, error);
    if (
      hasNumber(error, ErrorNumber.unknownColumn, ErrorNumber.outOfRange, ErrorNumber.tooLong, ErrorNumber.noDefault)
    ) {
      return foreignTable(this.table, error);
    }
    return hasNumber(error, ErrorNumber.readOnlyTransaction, ErrorNumber.readOnlyServer) ? readOnlyStore(error) : error;
  }

  /**
   * The same where a statement waited for another writer: everything that ends the wait means that somebody has the
   * lock.
   */
  explainWait(error: unknown, resource: string | undefined, waitTimeoutMs: number): unknown {
    const inTheWay = hasNumber(error, ErrorNumber.lockWaitTimeout, ...ErrorNumber.stopped, ...ErrorNumber.again);
    return inTheWay ? busyFence(resource, waitTimeoutMs, error) : this.explain(error);
  }
}

/**
 * The bytes of a name as a literal: exact in every character set and SQL mode, and nothing in it can be read as SQL.
 */
function inHex(resource: string): string {
  return `X'${Buffer.from(resource).toString("hex")}'`;
}
