import { InvalidArgumentError } from "../../errors.js";
import { isError } from "../thrown.js";

/** What the guard uses of a connection: `mysql2/promise`'s `PoolConnection` has it. */
export interface MysqlConnection {
  query(sql: string): Promise<readonly [unknown, unknown]>;
  execute(sql: string, values: never): Promise<readonly [unknown, unknown]>;
  release(): void;
  destroy(): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
}

/** What the guard uses of a pool: `mysql2/promise`'s `Pool` has it. */
export interface MysqlPool<Connection extends MysqlConnection> {
  getConnection(): Promise<Connection>;
}

/** Refuses the pool of the plain `mysql2`, whose calls take callbacks and would never answer us. */
export function checkPool(pool: object): void {
  if ("promise" in pool && typeof pool.promise === "function") {
    throw new InvalidArgumentError("mysqlFence needs the pool of mysql2/promise: give it pool.promise().");
  }
}

/**
 * Runs a statement and gives what it answers first. Values go to the server on their own (`execute`): `query` would write
 * them into the SQL with backslashes, which the mode NO_BACKSLASH_ESCAPES reads as something else.
 */
async function answer(connection: MysqlConnection, sql: string, values: readonly unknown[]): Promise<unknown> {
  const [result] = await (values.length === 0 ? connection.query(sql) : connection.execute(sql, values as never));
  return result;
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
  deadlock: 1213,
  /** MariaDB, with innodb_snapshot_isolation: the row has changed since the snapshot was taken. */
  recordChanged: 1020,
  noSuchTable: 1146,
  triggerExists: 1359,
  triggerMissing: 1360,
  /** What SIGNAL gives an error of our triggers. */
  signalled: 1644,
} as const;

export function hasNumber(error: unknown, ...numbers: number[]): boolean {
  return isError(error) && numbers.includes(Number((error as { errno?: unknown }).errno));
}
