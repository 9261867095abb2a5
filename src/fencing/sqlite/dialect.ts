import type { SqlDialect } from "../sql/guarded-update.js";

/** How SQLite writes what the guarded UPDATE needs. */
export const dialect: SqlDialect = {
  quote: '"',
  limit: 255,
  unit: "characters",
  placeholder: () => "?",
  asInteger: (expression) => `CAST(${expression} AS INTEGER)`,
  asText: (expression) => `CAST(${expression} AS TEXT)`,
  isToken: (column) => `(typeof(${column}) = 'integer' AND ${column} >= 0)`,
  shown: (column) => `typeof(${column}) || ' ' || quote(${column})`,
  compare: (left, operator, right) => `${left} ${operator} ${right}`,
};
