import { createHash } from "node:crypto";
import { InvalidArgumentError, StaleTokenError } from "../../errors.js";
import { readToken } from "../arguments.js";
import { errorsIn } from "../thrown.js";
import { quoteName, quoteTable, tableParts } from "../sql/table-name.js";
import type { TableName } from "../sql/table-name.js";
import { TOKEN_VARIABLE } from "./connection.js";
import { dialect } from "./dialect.js";
import { ErrorNumber, change, firstColumn, hasNumber } from "./pool.js";
import type { MysqlConnection } from "./pool.js";

const NAME_PREFIX = "zk_lock_fence_";

export async function protect(connection: MysqlConnection, table: TableName, column: string): Promise<void> {
  const token = quoteName(column, dialect);
  const name = quoteTable(table, dialect);
  await checkColumn(connection, table, column);
  const wanted = triggers(token).map(({ event, body }) => {
    // The name changes with the content, so a new version is in force before the old one goes: there is no gap.
    const digest = createHash("sha256").update(tableParts(table).table).update(body).digest("hex").slice(0, 24);
    return { event, body, trigger: `${NAME_PREFIX}${event.toLowerCase()}_${digest}` };
  });
  const present = await ourTriggers(connection, table);
  for (const { event, body, trigger } of wanted) {
    if (present.includes(trigger)) continue;
    try {
      await change(
        connection,
        `CREATE TRIGGER ${inSchema(table, trigger)} BEFORE ${event} ON ${name} FOR EACH ROW ${body}`,
      );
    } catch (error) {
      if (!hasNumber(error, ErrorNumber.triggerExists)) throw error;
    }
  }
  await checkOrder(connection, table);
  const old = present.filter((trigger) => wanted.every((one) => one.trigger !== trigger));
  await dropTriggers(connection, table, old);
}

export async function unprotect(connection: MysqlConnection, table: TableName): Promise<void> {
  await dropTriggers(connection, table, await ourTriggers(connection, table));
}

/** The StaleTokenError that a refusal of a trigger stands for, or null. */
export function refusalOf(error: unknown, run?: { resource: string; token: number }): StaleTokenError | null {
  if (!hasNumber(error, ErrorNumber.signalled)) return null;
  // What is built on a driver may put the statement before its message.
  const pattern = /zk-lock-manager: the token (\d+) is stale: the row has seen (\d+)$/;
  const figures = errorsIn(error)
    .map(({ message }) => pattern.exec(message))
    .find((found) => found !== null);
  if (figures === undefined) return null;
  const [token, highest] = [readToken(figures[1]), readToken(figures[2])];
  return new StaleTokenError(figures[0], { resource: run?.resource, token, highest, cause: error });
}

/** A trigger lives in the schema of its table. */
function inSchema(table: TableName, trigger: string): string {
  const { schema } = tableParts(table);
  const name = quoteName(trigger, dialect);
  return schema === undefined ? name : `${quoteName(schema, dialect)}.${name}`;
}

async function ourTriggers(connection: MysqlConnection, table: TableName): Promise<string[]> {
  const parts = tableParts(table);
  const sql =
    "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = COALESCE(?, DATABASE()) " +
    `AND EVENT_OBJECT_TABLE = ? AND LEFT(TRIGGER_NAME, ${NAME_PREFIX.length}) = '${NAME_PREFIX}'`;
  return (await firstColumn(connection, sql, [parts.schema ?? null, parts.table])).map(String);
}

async function dropTriggers(connection: MysqlConnection, table: TableName, names: string[]): Promise<void> {
  for (const trigger of names) await change(connection, `DROP TRIGGER IF EXISTS ${inSchema(table, trigger)}`);
}

/**
 * Refuses a table with a trigger after ours, which could write another token into the row. The server runs them by age.
 */
async function checkOrder(connection: MysqlConnection, table: TableName): Promise<void> {
  const { schema, table: name } = tableParts(table);
  const of = "EVENT_OBJECT_SCHEMA = COALESCE(?, DATABASE()) AND EVENT_OBJECT_TABLE = ? AND ACTION_TIMING = 'BEFORE'";
  const ours = `LEFT(TRIGGER_NAME, ${NAME_PREFIX.length}) = '${NAME_PREFIX}'`;
  const sql =
    "SELECT t.TRIGGER_NAME FROM information_schema.TRIGGERS t JOIN (SELECT EVENT_MANIPULATION, MAX(ACTION_ORDER) " +
    `AS place FROM information_schema.TRIGGERS WHERE ${of} AND ${ours} GROUP BY EVENT_MANIPULATION) o ON ` +
    `o.EVENT_MANIPULATION = t.EVENT_MANIPULATION WHERE ${of} AND t.ACTION_ORDER > o.place AND ` +
    "t.EVENT_MANIPULATION <> 'DELETE'";
  const place = [schema ?? null, name];
  const later = await firstColumn(connection, sql, [...place, ...place]);
  if (later.length === 0) return;
  throw new InvalidArgumentError(
    `The table ${quoteTable(table, dialect)} has triggers that run after those of protect(), and could write ` +
      `another token: ${later.map(String).join(", ")}. Make them anew with PRECEDES, or call unprotect() and ` +
      "protect().",
  );
}

async function checkColumn(connection: MysqlConnection, table: TableName, column: string): Promise<void> {
  const parts = tableParts(table);
  const sql =
    "SELECT DATA_TYPE FROM information_schema.COLUMNS " +
    "WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? AND COLUMN_NAME = ?";
  const [type] = await firstColumn(connection, sql, [parts.schema ?? null, parts.table, column]);
  if (typeof type === "string" && type.toLowerCase() === "bigint") return;
  const now = typeof type === "string" ? `has it as ${type}` : "has no such column";
  throw new InvalidArgumentError(
    `protect() needs ${JSON.stringify(column)} to be a BIGINT column, and the table ${quoteTable(table, dialect)} ` +
      `${now}: a token does not fit in less. Add the column, or alter its type, first.`,
  );
}

/** The checks. Where the statement brings no token, the one that `run` announced is written. */
function triggers(token: string): Array<{ event: "INSERT" | "UPDATE" | "DELETE"; body: string }> {
  const orAnnounced = `SET NEW.${token} = ${TOKEN_VARIABLE};`;
  const insert = `IF NEW.${token} IS NULL THEN ${orAnnounced} END IF; ${refuseMissing("INSERT", `NEW.${token}`)}`;
  const update =
    `IF ${TOKEN_VARIABLE} IS NOT NULL AND NEW.${token} <=> OLD.${token} THEN ${orAnnounced} END IF; ` +
    `${refuseMissing("UPDATE", `NEW.${token}`)} ${refuseStale(`NEW.${token}`, `OLD.${token}`)}`;
  const remove =
    refuseMissing("DELETE", TOKEN_VARIABLE) + " " + refuseStale(`CAST(${TOKEN_VARIABLE} AS SIGNED)`, `OLD.${token}`);
  return [
    { event: "INSERT", body: block(insert) },
    { event: "UPDATE", body: block(update) },
    { event: "DELETE", body: block(remove) },
  ];
}

function block(statements: string): string {
  return `BEGIN DECLARE refusal VARCHAR(128); ${statements} END`;
}

function refuseMissing(event: string, carried: string): string {
  const what = `zk-lock-manager: ${event} without a fencing token`;
  const message = `${what}: set its column, or write inside run() of the guard`;
  const signal = `SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '${message}'`;
  return `IF ${carried} IS NULL OR ${carried} < 0 THEN ${signal}; END IF;`;
}

function refuseStale(carried: string, seen: string): string {
  const message = `CONCAT('zk-lock-manager: the token ', ${carried}, ' is stale: the row has seen ', ${seen})`;
  const signal = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = refusal";
  return `IF ${carried} < ${seen} THEN SET refusal = ${message}; ${signal}; END IF;`;
}
