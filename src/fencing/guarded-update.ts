import { InvalidArgumentError, StaleTokenError } from "../errors.js";
import { checkToken } from "./arguments.js";
import { DEFAULT_COLUMN } from "./fence-guard.js";
import type { FencingToken } from "./fence-guard.js";
import { quoteName, quoteTable } from "./table-name.js";
import type { IdentifierRules, TableName } from "./table-name.js";

/** What a column can be set to or compared with. Objects are refused: some drivers would write SQL out of them. */
export type SqlValue = string | number | bigint | boolean | null | Date | Uint8Array;

/** An UPDATE of rows that carry their own fence in a BIGINT column. */
export interface GuardedUpdate {
  table: TableName;
  /** The columns to change, without the token's. */
  set: Readonly<Record<string, SqlValue>>;
  /** The columns that name the row: all of them must be equal. At least one. */
  where: Readonly<Record<string, SqlValue>>;
  token: FencingToken;
  /** The column of the token. Default `fence_token`. */
  column?: string;
}

export interface SqlDialect extends IdentifierRules {
  /** The placeholder of the value at `position`, counted from 1. */
  placeholder(position: number): string;
  /** Writes a value as a 64-bit integer, or as text that keeps all its digits. */
  asInteger(expression: string): string;
  asText(expression: string): string;
}

export interface SqlStatement {
  text: string;
  values: SqlValue[];
}

/** `UPDATE … SET …, token = $ WHERE … AND (token IS NULL OR token <= $)`: check and write are one statement. */
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
  const passed = `(${token} IS NULL OR ${token} <= ${dialect.asInteger(bind(update.token, values, dialect))})`;
  const text = `UPDATE ${quoteTable(update.table, dialect)} SET ${set.join(", ")} WHERE ${where} AND ${passed}`;
  return { text, values };
}

/** The highest token above ours among the rows that the update named: why it changed none. */
export function refusalStatement(update: GuardedUpdate, dialect: SqlDialect): SqlStatement {
  const values: SqlValue[] = [];
  const token = tokenColumn(update, dialect);
  const where = conditions(update, values, dialect);
  const above = `${token} > ${dialect.asInteger(bind(update.token, values, dialect))}`;
  const highest = `${dialect.asText(`MAX(${token})`)} AS token`;
  return { text: `SELECT ${highest} FROM ${quoteTable(update.table, dialect)} WHERE ${where} AND ${above}`, values };
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
        `The value of ${JSON.stringify(column)} is a string, number, bigint, boolean, Date, Uint8Array or null; for JSON, ` +
          "give it as a string.",
      );
    }
  }
  return entries;
}

function isSqlValue(value: unknown): value is SqlValue {
  if (value === null || value instanceof Date || value instanceof Uint8Array) return true;
  return ["string", "number", "bigint", "boolean"].includes(typeof value);
}
