import type { SqlDialect } from "../guarded-update.js";

export const dialect: SqlDialect = {
  quote: "`",
  limit: 64,
  unit: "characters",
  placeholder: () => "?",
  asInteger: (expression) => `CAST(${expression} AS SIGNED)`,
  asText: (expression) => `CAST(${expression} AS CHAR)`,
};
