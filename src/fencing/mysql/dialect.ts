import { TOKEN_PATTERN } from "../sql/guarded-update.js";
import type { SqlDialect } from "../sql/guarded-update.js";

export const dialect: SqlDialect = {
  quote: "`",
  limit: 64,
  unit: "characters",
  placeholder: () => "?",
  asInteger: (expression) => `CAST(${expression} AS SIGNED)`,
  asText: (expression) => `CAST(${expression} AS CHAR)`,
  isToken: (column) => `CAST(${column} AS CHAR) REGEXP '${TOKEN_PATTERN}'`,
  shown: (column) => `CAST(${column} AS CHAR)`,
  compare: (left, operator, right) => `${left} ${operator} ${right}`,
};
