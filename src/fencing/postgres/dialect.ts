import type { SqlDialect } from "../guarded-update.js";

/** PostgreSQL cuts a longer name to 63 bytes without an error. */
export const dialect: SqlDialect = {
  quote: '"',
  limit: 63,
  unit: "bytes",
  placeholder: (position) => `$${position}`,
  asInteger: (expression) => `${expression}::bigint`,
  asText: (expression) => `${expression}::text`,
};
