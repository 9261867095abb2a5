import { InvalidArgumentError } from "../../errors.js";

/**
 * A table: `"jobs"`, `"billing.jobs"` (schema and table), or the parts as a list, for names that have a dot of their
 * own: `["billing", "jobs.2024"]`. Names are quoted, so they are taken as written, upper and lower case included.
 */
export type TableName = string | readonly [table: string] | readonly [schema: string, table: string];

/** How one database writes identifiers. */
export interface IdentifierRules {
  readonly quote: '"' | "`";
  /** The longest name. A database may cut a longer one silently, and then two names are one. */
  readonly limit: number;
  readonly unit: "bytes" | "characters";
}

/** One identifier in quotes, with the quotes inside doubled. */
export function quoteName(name: unknown, rules: IdentifierRules): string {
  if (typeof name !== "string" || name === "" || name.includes("\0")) {
    throw new InvalidArgumentError(
      `A table or column name is a non-empty string without NUL; got ${JSON.stringify(name)}.`,
    );
  }
  const length = rules.unit === "bytes" ? Buffer.byteLength(name) : Array.from(name).length;
  if (length > rules.limit) {
    throw new InvalidArgumentError(
      `The name ${JSON.stringify(name)} is longer than the ${rules.limit} ${rules.unit} this database allows.`,
    );
  }
  return rules.quote + name.replaceAll(rules.quote, rules.quote + rules.quote) + rules.quote;
}

/** The parts of a table name: the schema, where it was given, and the table. */
export function tableParts(table: TableName): { schema: string | undefined; table: string } {
  const parts: readonly string[] = typeof table === "string" ? table.split(".") : table;
  const name = parts.at(-1);
  if (name === undefined || parts.length > 2) {
    throw new InvalidArgumentError(
      `A table is given as "table", "schema.table" or ["schema", "table"]; got ${JSON.stringify(table)}.`,
    );
  }
  return { schema: parts.length === 2 ? parts[0] : undefined, table: name };
}

export function quoteTable(table: TableName, rules: IdentifierRules): string {
  const parts = tableParts(table);
  const name = quoteName(parts.table, rules);
  return parts.schema === undefined ? name : `${quoteName(parts.schema, rules)}.${name}`;
}
