import { InvalidArgumentError } from "../../errors.js";
import { errorsIn } from "../thrown.js";

/** What the guard uses of a connection: `mysql2/promise`'s `PoolConnection` has it. */
export interface MysqlConnection {
  /** Runs a statement without values. */
  query(sql: string): Promise<readonly [unknown, unknown]>;
  /** Runs a statement, with values that the server gets on their own. */
  execute(sql: string, values: never): Promise<readonly [unknown, unknown]>;
  /** Gives the connection back to its pool. */
  release(): void;
  /** Closes the connection. */
  destroy(): void;
  /** Tells the guard that the connection has broken. */
  on(event: "error", listener: (error: Error) => void): unknown;
  /** Takes the guard's listener away. */
  removeListener(event: "error", listener: (error: Error) => void): unknown;
}

/**
 * What `check` uses of a transaction: a connection of `mysql2/promise` has it, and so has TypeORM's EntityManager. For
 * others it is one line, such as `{ query: (sql) => trx.raw(sql) }`.
 */
export interface MysqlTransaction {
  /** Runs one statement inside the transaction, and gives its answer. */
  query(sql: string): Promise<unknown>;
}

/** What the guard uses of a pool: `mysql2/promise`'s `Pool` has it. */
export interface MysqlPool<Connection extends MysqlConnection> {
  /** Gives a connection that nobody else uses. */
  getConnection(): Promise<Connection>;
}

/** Refuses the pool of the plain `mysql2`, whose calls take callbacks and would never answer us. */
export function checkPool(pool: object): void {
  if ("promise" in pool && typeof pool.promise === "function") {
    throw new InvalidArgumentError("mysqlFence needs the pool of mysql2/promise: give it pool.promise().");
  }
}

/**
 * Runs a statement and gives what it answers first. Values go to the server on their own (`execute`): `query` would
 * write them into the SQL with backslashes, which the mode NO_BACKSLASH_ESCAPES reads as something else.
 */
async function answer(connection: MysqlConnection, sql: string, values: readonly unknown[]): Promise<unknown> {
  const [result] = await (values.length === 0 ? connection.query(sql) : connection.execute(sql, values as never));
  return result;
}

/** How many connections a pool can give at a time, as far as it says so. */
export function limitOf(pool: object): number {
  const limit = (pool as { pool?: { config?: { connectionLimit?: unknown } } }).pool?.config?.connectionLimit;
  return typeof limit === "number" ? limit : Infinity;
}

const IN_TRANSACTION = 1;
const AUTOCOMMIT = 2;

/** Runs a statement that answers no rows, and gives what the server says with it about the session. */
export async function statusAfter(
  connection: MysqlConnection,
  sql: string,
): Promise<{ inTransaction: boolean; autocommit: boolean }> {
  const { serverStatus } = (await answer(connection, sql, [])) as { serverStatus?: unknown };
  if (typeof serverStatus !== "number") {
    throw new InvalidArgumentError(
      "mysqlFence cannot see whether a transaction is open: the connection does not pass on the server's status " +
        "(serverStatus), as mysql2 does.",
    );
  }
  return { inTransaction: (serverStatus & IN_TRANSACTION) !== 0, autocommit: (serverStatus & AUTOCOMMIT) !== 0 };
}

/**
 * Runs an UPDATE and gives how many rows it matched. What the server counts depends on the flags of the connection
 * (FOUND_ROWS), so the first figure of its message is read, "Rows matched: 1 …" in the session's language.
 */
export async function matched(connection: MysqlConnection, sql: string, values: readonly unknown[]): Promise<number> {
  const { info, affectedRows } = (await answer(connection, sql, values)) as { info?: unknown; affectedRows?: unknown };
  const figure = typeof info === "string" ? /\d+/.exec(info)?.[0] : undefined;
  return Number(figure ?? affectedRows ?? 0);
}

/** Runs a statement and gives how many rows it changed, or matched. */
export async function change(
  connection: MysqlConnection,
  sql: string,
  values: readonly unknown[] = [],
): Promise<number> {
  const result = await answer(connection, sql, values);
  return Number((result as { affectedRows?: unknown }).affectedRows ?? 0);
}

/** The first column of each row, whether the pool gives rows as objects or as arrays (`rowsAsArray`). */
export async function firstColumn(
  connection: MysqlConnection,
  sql: string,
  values: readonly unknown[] = [],
): Promise<unknown[]> {
  const rows = (await answer(connection, sql, values)) as object[];
  return rows.map((row) => Object.values(row)[0] as unknown);
}

/** The error numbers we know what to do about. */
export const ErrorNumber = {
  lockWaitTimeout: 1205,
  noSuchTable: 1146,
  unknownColumn: 1054,
  outOfRange: 1264,
  tooLong: 1406,
  noDefault: 1364,
  noSavepoint: 1305,
  readOnlyTransaction: 1792,
  readOnlyServer: 1290,
  triggerExists: 1359,
  triggerMissing: 1360,
  /** What SIGNAL gives an error of our triggers. */
  signalled: 1644,
  /** A limit of the session's own, or KILL QUERY, has ended the statement, and no more than that. */
  stopped: [1969, 3024, 1317],
  /**
   * The server has taken the transaction back, because of another one: a deadlock, or (MariaDB, with
   * innodb_snapshot_isolation) a row that has changed since the snapshot was taken.
   */
  again: [1213, 1020],
} as const;

export function hasNumber(error: unknown, ...numbers: number[]): boolean {
  return errorsIn(error).some((one) => numbers.includes(Number((one as { errno?: unknown }).errno)));
}
