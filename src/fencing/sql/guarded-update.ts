import { InvalidArgumentError, StaleTokenError } from "../../errors.js";
import { checkToken } from "../arguments.js";
import { DEFAULT_COLUMN } from "../fence-guard.js";
import type { FencingToken } from "../fence-guard.js";
import { quoteName, quoteTable } from "./table-name.js";
import type { IdentifierRules, TableName } from "./table-name.js";

/** What a column can be set to or compared with. Objects are refused: some drivers would write SQL out of them. */
export type SqlValue = string | number | bigint | boolean | null | Date | Uint8Array;

/** An UPDATE of rows that carry their own fence in a BIGINT column. */
export interface GuardedUpdate {
  /** The table of the rows. */
  table: TableName;
  /** The columns to change, without the token's. */
  set: Readonly<Record<string, SqlValue>>;
  /** The columns that name the row: all of them must be equal. At least one. */
  where: Readonly<Record<string, SqlValue>>;
  /** The token of the hold under which the rows are written. */
  token: FencingToken;
  /** The column of the token. Default `fence_token`. */
  column?: string;
}

/** How one database writes what the guarded UPDATE needs. */
export interface SqlDialect extends IdentifierRules {
  /** The placeholder of the value at `position`, counted from 1. */
  placeholder(position: number): string;
  /** Writes a value as a 64-bit integer, or as text that keeps all its digits. */
  asInteger(expression: string): string;
  asText(expression: string): string;
  /** Whether a value that is not NULL can be a token: only those may be compared, and written over. */
  isToken(column: string): string;
  /** A value that is no token, as text that could not be one either. */
  shown(column: string): string;
  /** Compares two 64-bit integers, whatever operators the session has of its own. */
  compare(left: string, operator: "<=" | ">", right: string): string;
}

/** A token as text: a regular expression that all servers read alike. The guards write no other form. */
export const TOKEN_PATTERN = "^(0|[1-9][0-9]{0,15})$";

/** A statement, and the values of its placeholders. */
export interface SqlStatement {
  /** The SQL, with placeholders. */
  text: string;
  /** The values of the placeholders, in order. */
  values: SqlValue[];
}

/** `UPDATE … SET …, token = $ WHERE … AND (token IS NULL OR … token <= $)`: check and write are one statement. */
export function updateStatement(update: GuardedUpdate, dialect: SqlDialect): SqlStatement {
  const values: SqlValue[] = [];
  const token = tokenColumn(update, dialect);
  const set = entriesOf("set", update.set).map(([name, value]) => {
    if (name === (update.column ?? DEFAULT_COLUMN)) {
      throw new InvalidArgumentError(
        `The column ${JSON.stringify(name)} is set to the token by itself: leave it out of "set".`,
      );
    }
    return `${quoteName(name, dialect)} = ${bind(value, values, dialect)}`;
  });
  set.push(`${token} = ${dialect.asInteger(bind(update.token, values, dialect))}`);
  const where = conditions(update, values, dialect);
  const notAbove = dialect.compare(token, "<=", dialect.asInteger(bind(update.token, values, dialect)));
  const passed = `(${token} IS NULL OR (${dialect.isToken(token)} AND ${notAbove}))`;
  const text = `UPDATE ${quoteTable(update.table, dialect)} SET ${set.join(", ")} WHERE ${where} AND ${passed}`;
  return { text, values };
}

/**
 * Asks why the update changed none of the rows that it named. The answer is a value that is no token, where there is
 * one, or else the highest token above ours, or else NULL.
 */
export function refusalStatement(update: GuardedUpdate, dialect: SqlDialect): SqlStatement {
  const values: SqlValue[] = [];
  const token = tokenColumn(update, dialect);
  const foreign = `MIN(CASE WHEN ${dialect.isToken(token)} THEN NULL ELSE ${dialect.shown(token)} END)`;
  const above = dialect.compare(token, ">", dialect.asInteger(bind(update.token, values, dialect)));
  const highest = `MAX(CASE WHEN ${above} THEN ${token} END)`;
  const where = conditions(update, values, dialect);
  const text =
    `SELECT COALESCE(${foreign}, ${dialect.asText(highest)}) AS token FROM ${quoteTable(update.table, dialect)} ` +
    `WHERE ${where} AND ${token} IS NOT NULL`;
  return { text, values };
}

export function staleRow(update: GuardedUpdate, highest: FencingToken): StaleTokenError {
  return new StaleTokenError(
    `The token ${update.token} is stale: the row in ${JSON.stringify(update.table)} has seen ${highest}. Nothing was ` +
      "written. Somebody else has held the lock since, so stop this work, or acquire the lock again and start over.",
    { token: update.token, highest },
  );
}

function tokenColumn(update: GuardedUpdate, dialect: SqlDialect): string {
  checkToken(update.token);
  return quoteName(update.column ?? DEFAULT_COLUMN, dialect);
}

function conditions(update: GuardedUpdate, values: SqlValue[], dialect: SqlDialect): string {
  const equal = entriesOf("where", update.where).map(([name, value]) => {
    const column = quoteName(name, dialect);
    return value === null ? `${column} IS NULL` : `${column} = ${bind(value, values, dialect)}`;
  });
  return equal.join(" AND ");
}

function bind(value: SqlValue, values: SqlValue[], dialect: SqlDialect): string {
  values.push(value);
  return dialect.placeholder(values.length);
}

function entriesOf(name: string, columns: Readonly<Record<string, SqlValue>>): Array<[string, SqlValue]> {
  const entries = Object.entries(columns);
  if (entries.length === 0) throw new InvalidArgumentError(`A guarded update names at least one column in "${name}".`);
  for (const [column, value] of entries) {
    if (!isSqlValue(value)) {
      throw new InvalidArgumentError(
        `The value of ${JSON.stringify(column)} is a string, number, bigint, boolean, Date, Uint8Array or null; ` +
          "for JSON, give it as a string.",
      );
    }
  }
  return entries;
}

function isSqlValue(value: unknown): value is SqlValue {
  if (value === null || value instanceof Date || value instanceof Uint8Array) return true;
  return ["string", "number", "bigint", "boolean"].includes(typeof value);
}
