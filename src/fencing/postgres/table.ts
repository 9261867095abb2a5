import { SqlState, firstRow, hasState } from "./pool.js";
import type { PostgresClient } from "./pool.js";

/** CREATE TABLE IF NOT EXISTS is no barrier: two at once collide in the system catalogs, with one of these. */
const COLLISIONS = [SqlState.uniqueViolation, SqlState.duplicateTable, SqlState.duplicateObject];

/** Makes the guard's table. `table` is quoted already. */
export async function createTable(client: PostgresClient, table: string): Promise<void> {
  // First a look: a role without the right to create tables may call setup() too, once somebody else made it.
  const found = firstRow(await client.query("SELECT to_regclass($1) IS NOT NULL AS found", [table]));
  if (found?.["found"] === true) return;
  try {
    // The collation "C" compares bytes, whatever the database's own would take for equal.
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${table} (resource text COLLATE "C" PRIMARY KEY, token bigint NOT NULL CHECK (token >= 0))`,
    );
  } catch (error) {
    if (!hasState(error, ...COLLISIONS)) throw error;
  }
}
