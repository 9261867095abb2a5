import { createHash } from "node:crypto";
import { InvalidArgumentError, StaleTokenError } from "../../errors.js";
import { readToken } from "../arguments.js";
import { errorsIn } from "../thrown.js";
import { quoteName, quoteTable, tableParts } from "../table-name.js";
import type { TableName } from "../table-name.js";
import { end } from "./connection.js";
import { dialect } from "./dialect.js";
import { TOKEN_SETTING } from "./fence.js";
import { SqlState, firstRow } from "./pool.js";
import type { PostgresClient } from "./pool.js";

/** Two triggers, because only the first is told which columns an UPDATE names. They fire in the order of their names. */
const NAMED_TRIGGER = "zk_lock_fence_1_named";
const WRITE_TRIGGER = "zk_lock_fence_2_write";

export async function protect(
  client: PostgresClient,
  table: TableName,
  column: string,
  waitTimeoutMs: number,
): Promise<void> {
  const name = quoteTable(table, dialect);
  const check = checkFunction(table);
  const token = quoteName(column, dialect);
  await begin(client, name, waitTimeoutMs);
  await checkColumn(client, name, column);
  await client.query(functionSql(check, token));
  await dropTriggers(client, name);
  const execute = `FOR EACH ROW EXECUTE FUNCTION ${check}()`;
  await client.query(`CREATE TRIGGER ${NAMED_TRIGGER} BEFORE UPDATE OF ${token} ON ${name} ${execute}`);
  await client.query(`CREATE TRIGGER ${WRITE_TRIGGER} BEFORE INSERT OR UPDATE OR DELETE ON ${name} ${execute}`);
  await end(client);
}

export async function unprotect(client: PostgresClient, table: TableName, waitTimeoutMs: number): Promise<void> {
  const name = quoteTable(table, dialect);
  await begin(client, name, waitTimeoutMs);
  await dropTriggers(client, name);
  await client.query(`DROP FUNCTION IF EXISTS ${checkFunction(table)}()`);
  await end(client);
}

/** The StaleTokenError that a refusal of the trigger stands for, or null. The trigger puts its figures into DETAIL. */
export function refusalOf(error: unknown, run?: { resource: string; token: number }): StaleTokenError | null {
  const raised = errorsIn(error).find((one) => (one as { code?: unknown }).code === SqlState.staleToken);
  if (raised === undefined) return null;
  const { message, detail } = raised as Error & { detail?: unknown };
  const figures = /^token (\d+), highest (\d+)$/.exec(String(detail));
  if (figures === null) return null;
  const [token, highest] = [readToken(figures[1]), readToken(figures[2])];
  return new StaleTokenError(message, { resource: run?.resource, token, highest, cause: error });
}

/** Locks the table against writers, and so against another protect of it too. */
async function begin(client: PostgresClient, name: string, waitTimeoutMs: number): Promise<void> {
  await client.query(
    `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = ${waitTimeoutMs}; SET LOCAL statement_timeout = 0`,
  );
  await client.query(`LOCK TABLE ${name} IN SHARE ROW EXCLUSIVE MODE`);
}

async function dropTriggers(client: PostgresClient, name: string): Promise<void> {
  for (const trigger of [NAMED_TRIGGER, WRITE_TRIGGER]) {
    await client.query(`DROP TRIGGER IF EXISTS ${trigger} ON ${name}`);
  }
}

async function checkColumn(client: PostgresClient, name: string, column: string): Promise<void> {
  const sql =
    "SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute " +
    "WHERE attrelid = to_regclass($1) AND attname = $2 AND attnum > 0 AND NOT attisdropped";
  const type = firstRow(await client.query(sql, [name, column]))?.["type"];
  if (type === "bigint") return;
  const now = typeof type === "string" ? `has it as ${type}` : "has no such column";
  throw new InvalidArgumentError(
    `protect() needs ${JSON.stringify(column)} to be a BIGINT column, and the table ${name} ${now}: a token does not fit ` +
      "in less. Add the column, or alter its type, first.",
  );
}

/** The function lives next to its table, under a name made from the table's, so that unprotect finds it. */
function checkFunction(table: TableName): string {
  const parts = tableParts(table);
  const name = `zk_lock_fence_${createHash("sha256").update(parts.table).digest("hex").slice(0, 16)}`;
  return parts.schema === undefined ? name : `${quoteName(parts.schema, dialect)}.${name}`;
}

/**
 * The check. The first trigger fires only where the UPDATE names the column; it marks the token as named by making it
 * negative, and the second one turns it back. Where no token was named, the one that `run` announced is written.
 */
function functionSql(check: string, token: string): string {
  const body = `
DECLARE
  announced bigint := nullif(current_setting('${TOKEN_SETTING}', true), '')::bigint;
  seen bigint := -1;
  carried bigint := announced;
BEGIN
  IF TG_NAME = '${NAMED_TRIGGER}' THEN
    IF NEW.${token} < 0 THEN
      RAISE EXCEPTION 'zk-lock-manager: % is no fencing token', NEW.${token} USING ERRCODE = '${SqlState.missingToken}';
    END IF;
    NEW.${token} := -1 - NEW.${token};
    RETURN NEW;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    seen := coalesce(OLD.${token}, -1);
  END IF;
  IF TG_OP = 'INSERT' THEN
    carried := coalesce(NEW.${token}, announced);
  ELSIF TG_OP = 'UPDATE' AND NEW.${token} < 0 THEN
    carried := -1 - NEW.${token};
  END IF;
  IF carried IS NULL OR carried < 0 THEN
    RAISE EXCEPTION 'zk-lock-manager: % of %.% without a fencing token', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
      USING ERRCODE = '${SqlState.missingToken}',
        HINT = 'Set the token column, or write inside run() of the fence guard.';
  END IF;
  IF carried < seen THEN
    RAISE EXCEPTION 'zk-lock-manager: the token % is stale: the row in %.% has seen %', carried, TG_TABLE_SCHEMA, TG_TABLE_NAME, seen
      USING ERRCODE = '${SqlState.staleToken}', DETAIL = format('token %s, highest %s', carried, seen);
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  NEW.${token} := carried;
  RETURN NEW;
END`;
  return `CREATE OR REPLACE FUNCTION ${check}() RETURNS trigger LANGUAGE plpgsql AS ${dollarQuote(body)}`;
}

/** A dollar quote whose tag does not occur in the text, whatever a column is called. */
function dollarQuote(text: string): string {
  let tag = "$fence$";
  for (let n = 1; text.includes(tag); n += 1) tag = `$fence${n}$`;
  return tag + text + tag;
}
