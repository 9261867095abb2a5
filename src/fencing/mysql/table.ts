import { foreignTable } from "../errors.js";
import { quoteTable, tableParts } from "../sql/table-name.js";
import type { TableName } from "../sql/table-name.js";
import { dialect } from "./dialect.js";
import { change, firstColumn } from "./pool.js";
import type { MysqlConnection } from "./pool.js";

/** Makes the guard's table. */
export async function createTable(connection: MysqlConnection, table: TableName): Promise<void> {
  const name = quoteTable(table, dialect);
  // Bytes compare exactly, trailing spaces and letter case included, which no text type promises in every collation.
  const columns = "resource VARBINARY(512) NOT NULL PRIMARY KEY, token BIGINT NOT NULL";
  await change(connection, `CREATE TABLE IF NOT EXISTS ${name} (${columns}) ENGINE = InnoDB`);
  if (!(await isOurs(connection, table))) throw foreignTable(name);
}

/**
 * Somebody else's table of that name would not keep the fences, nor would one of an engine that takes nothing back:
 * without the mode NO_ENGINE_SUBSTITUTION, the server may take another engine than InnoDB.
 */
async function isOurs(connection: MysqlConnection, table: TableName): Promise<boolean> {
  const { schema, table: name } = tableParts(table);
  const sql =
    "SELECT CONCAT_WS(' ', c.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_KEY, e.TRANSACTIONS) AS found FROM " +
    "information_schema.COLUMNS c JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND " +
    "t.TABLE_NAME = c.TABLE_NAME LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE WHERE " +
    "c.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND c.TABLE_NAME = ? AND c.COLUMN_NAME IN ('resource', 'token')";
  const found = await firstColumn(connection, sql, [schema ?? null, name]);
  return ["resource varbinary PRI YES", "token bigint  YES"].every((one) => found.map(String).includes(one));
}
