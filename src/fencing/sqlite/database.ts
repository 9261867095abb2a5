import { isError } from "../thrown.js";

/** What the guard uses of a connection: better-sqlite3's `Database` has it, and so has Node's own `DatabaseSync`. */
export interface SqliteDatabase {
  /** Runs statements whose answer does not matter. */
  exec(sql: string): unknown;
  /** Compiles one statement. */
  prepare(sql: string): SqliteStatement;
}

/** A compiled statement. The drivers differ in the types of the values they take, not in what they do with ours. */
export interface SqliteStatement {
  /** Runs it, and says how many rows it changed. */
  run(...values: never[]): { changes: number | bigint };
  /** Runs it, and gives the first row; undefined where there is none. */
  get(...values: never[]): unknown;
}

/** Runs a statement and gives how many rows it changed. */
export function change(db: SqliteDatabase, sql: string, values: readonly unknown[] = []): number {
  return Number(db.prepare(sql).run(...(values as never[])).changes);
}

/** The first column of the first row, or undefined where there is no row. */
export function value(db: SqliteDatabase, sql: string, values: readonly unknown[] = []): unknown {
  const row = db.prepare(sql).get(...(values as never[]));
  return row === null || typeof row !== "object" ? undefined : Object.values(row)[0];
}

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;

/** Whether another connection held the lock: better-sqlite3 gives the code as text, Node as a number. */
export function isBusy(error: unknown): boolean {
  return hasCode(error, [SQLITE_BUSY, SQLITE_LOCKED], /^SQLITE_(BUSY|LOCKED)/);
}

/** Whether the file, or the connection (also by PRAGMA query_only), may only be read. */
export function isReadOnly(error: unknown): boolean {
  return hasCode(error, [SQLITE_READONLY], /^SQLITE_READONLY/);
}

function hasCode(error: unknown, numbers: readonly number[], names: RegExp): boolean {
  if (!isError(error)) return false;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (typeof errcode === "number") return numbers.includes(errcode & 0xff);
  return typeof code === "string" && names.test(code);
}

/** Whether a statement failed because there is no such table. SQLite has no code of its own for that. */
export function isMissingTable(error: unknown): boolean {
  return isError(error) && error.message.startsWith("no such table");
}

/** Whether a statement failed because the table has other columns or keys than ours, or is a view. */
export function isForeignTable(error: unknown): boolean {
  return (
    isError(error) &&
    /no such column|has no column named|ON CONFLICT clause does not match|because it is a view|UPSERT a view/.test(
      error.message,
    )
  );
}

/** Whether BEGIN failed because a transaction was open already. */
export function isInTransaction(error: unknown): boolean {
  return isError(error) && error.message.includes("within a transaction");
}

/** Whether RELEASE failed because the savepoint is gone, and with it the transaction in which it was set. */
export function isNoSavepoint(error: unknown): boolean {
  return isError(error) && error.message.startsWith("no such savepoint");
}

/** Whether COMMIT or ROLLBACK failed because nothing had been begun, or SQLite had rolled back by itself. */
export function isNoTransaction(error: unknown): boolean {
  return isError(error) && error.message.includes("no transaction is active");
}
