import { foreignTable } from "../errors.js";
import { end } from "./connection.js";
import { SqlState, firstRow, hasState } from "./pool.js";
import type { PostgresClient } from "./pool.js";

/** CREATE TABLE IF NOT EXISTS is no barrier: two at once collide in the system catalogs, with one of these. */
const COLLISIONS = [SqlState.uniqueViolation, SqlState.duplicateTable, SqlState.duplicateObject];

/** Makes the guard's table. `table` is quoted already. */
export async function createTable(client: PostgresClient, table: string): Promise<void> {
  // First a look: a role without the right to create tables may call setup() too, once somebody else made it.
  if (!(await isThere(client, table))) {
    try {
      // The collation "C" compares bytes, whatever the database's own would take for equal.
      const columns = 'resource text COLLATE "C" PRIMARY KEY, token bigint NOT NULL CHECK (token >= 0)';
      await client.query(`BEGIN READ WRITE; CREATE TABLE IF NOT EXISTS ${table} (${columns})`);
      await end(client);
    } catch (error) {
      if (!hasState(error, ...COLLISIONS)) throw error;
      await client.query("ROLLBACK");
    }
  }
  await checkTable(client, table);
}

async function isThere(client: PostgresClient, table: string): Promise<boolean> {
  const found = firstRow(await client.query("SELECT (to_regclass($1) IS NOT NULL)::text AS found", [table]));
  return found?.["found"] === "true";
}

/**
 * A table of that name which somebody else made would not keep the fences: text compares otherwise, and a view has no
 * key.
 */
async function checkTable(client: PostgresClient, table: string): Promise<void> {
  const sql =
    "SELECT string_agg(format('%s %s', a.attname, format_type(a.atttypid, NULL)), ', ' ORDER BY a.attname) AS " +
    "columns, string_agg(i.indexrelid::text, ' ') AS keys FROM pg_attribute a LEFT JOIN pg_index i ON a.attname = " +
    "'resource' AND i.indrelid = a.attrelid AND i.indisunique AND i.indpred IS NULL AND i.indnkeyatts = 1 AND " +
    "i.indkey[0] = a.attnum WHERE a.attrelid = to_regclass($1) AND a.attname IN ('resource', 'token') AND NOT " +
    "a.attisdropped";
  const found = firstRow(await client.query(sql, [table]));
  if (found?.["columns"] !== "resource text, token bigint" || found["keys"] === null) throw foreignTable(table);
}
