import { TOKEN_PATTERN } from "../sql/guarded-update.js";
import type { SqlDialect } from "../sql/guarded-update.js";

/** PostgreSQL cuts a longer name to 63 bytes without an error. */
export const dialect: SqlDialect = {
  quote: '"',
  limit: 63,
  unit: "bytes",
  placeholder: (position) => `$${position}`,
  asInteger: (expression) => `${expression}::bigint`,
  asText: (expression) => `${expression}::text`,
  isToken: (column) => `${column}::text OPERATOR(pg_catalog.~) '${TOKEN_PATTERN}'`,
  shown: (column) => `${column}::text`,
  compare: (left, operator, right) => `${left} OPERATOR(pg_catalog.${operator}) ${right}`,
};
