/**
 * The rows of an answer, as the drivers and what is built on them give it: `{ rows }` (pg), `[rows, more]` (mysql2,
 * knex, Sequelize) or the rows themselves (TypeORM).
 */
export function rowsOf(answer: unknown): readonly unknown[] {
  if (!Array.isArray(answer)) return (answer as { rows?: readonly unknown[] } | null | undefined)?.rows ?? [];
  const [first] = answer as unknown[];
  return Array.isArray(first) ? first : answer;
}

/** One column of the first row, whether rows are objects or arrays; undefined where there is no row. */
export function firstValue(answer: unknown, position = 0): unknown {
  const [row] = rowsOf(answer);
  return typeof row === "object" && row !== null ? (Object.values(row)[position] as unknown) : undefined;
}
