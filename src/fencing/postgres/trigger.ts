import { createHash } from "node:crypto";
import { InvalidArgumentError, StaleTokenError } from "../../errors.js";
import { readToken } from "../arguments.js";
import { errorsIn } from "../thrown.js";
import { quoteName, quoteTable, tableParts } from "../sql/table-name.js";
import type { TableName } from "../sql/table-name.js";
import { end } from "./connection.js";
import { dialect } from "./dialect.js";
import { TOKEN_SETTING, TRANSACTION_SETTING } from "./fence.js";
import { SqlState, firstRow } from "./pool.js";
import type { PostgresClient } from "./pool.js";

/**
 * Two triggers, because only the first is told which columns an UPDATE names. They fire in the order of their names.
 */
const NAMED_TRIGGER = "zk_lock_fence_1_named";
const WRITE_TRIGGER = "zk_lock_fence_2_write";

export async function protect(
  client: PostgresClient,
  table: TableName,
  column: string,
  waitTimeoutMs: number,
): Promise<void> {
  const name = quoteTable(table, dialect);
  const token = quoteName(column, dialect);
  await begin(client, name, waitTimeoutMs);
  const found = await factsOf(client, name);
  checkTable(name, found);
  await checkColumn(client, name, column);
  const check = checkFunction(found.schema, table);
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
  const { schema } = await factsOf(client, name);
  await dropTriggers(client, name);
  await client.query(`DROP FUNCTION IF EXISTS ${checkFunction(schema, table)}()`);
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
    `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = ${waitTimeoutMs}; SET LOCAL ` +
      "statement_timeout = 0",
  );
  await client.query(`LOCK TABLE ${name} IN SHARE ROW EXCLUSIVE MODE`);
}

async function dropTriggers(client: PostgresClient, name: string): Promise<void> {
  for (const trigger of [NAMED_TRIGGER, WRITE_TRIGGER]) {
    await client.query(`DROP TRIGGER IF EXISTS ${trigger} ON ${name}`);
  }
}

interface TableFacts {
  readonly schema: string;
  readonly kind: string;
  /** Tables that inherit from it, and are not protected themselves. */
  readonly children: readonly string[];
  /** Triggers that would run after ours, and could write another token into the row. */
  readonly later: readonly string[];
}

async function factsOf(client: PostgresClient, name: string): Promise<TableFacts> {
  const ours = `t.tgname = '${WRITE_TRIGGER}'`;
  // What heirs there are, at any depth; the partitions of a partitioned table get its triggers from PostgreSQL.
  const heirs =
    "WITH RECURSIVE heir AS (SELECT inhrelid FROM pg_inherits WHERE inhparent = c.oid UNION SELECT i.inhrelid " +
    "FROM pg_inherits i JOIN heir ON i.inhparent = heir.inhrelid) SELECT array_agg(inhrelid::regclass::text) FROM " +
    `heir WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = inhrelid AND ${ours})`;
  // tgtype: 1 is a trigger FOR EACH ROW, 2 is BEFORE; 4 and 16 are INSERT and UPDATE.
  const later =
    "SELECT array_agg(t.tgname::text) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND " +
    `t.tgenabled <> 'D' AND t.tgtype & 3 = 3 AND t.tgtype & 20 <> 0 AND t.tgname > '${NAMED_TRIGGER}' AND NOT ${ours}`;
  const sql =
    "SELECT n.nspname::text AS schema, c.relkind::text AS kind, array_to_json(CASE WHEN c.relkind = 'r' THEN " +
    `(${heirs}) END)::text AS children, array_to_json((${later}))::text AS later ` +
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)";
  const row = firstRow(await client.query(sql, [name])) as Readonly<Record<string, string | null>>;
  const list = (json: string | null | undefined): string[] => JSON.parse(json ?? "[]") as string[];
  return {
    schema: String(row["schema"]),
    kind: String(row["kind"]),
    children: list(row["children"]),
    later: list(row["later"]),
  };
}

/** Refuses a table whose triggers would not see each write, or would not have the last word. */
function checkTable(name: string, { kind, children, later }: TableFacts): void {
  if (kind !== "r" && kind !== "p") throw new InvalidArgumentError(`protect() needs a table, and ${name} is none.`);
  if (children.length > 0) {
    throw new InvalidArgumentError(
      `Tables inherit from ${name} that protect() was not called for: ${children.join(", ")}. A statement on ` +
        `${name} writes their rows too, past its triggers. Call protect() for each of them first.`,
    );
  }
  if (later.length > 0) {
    throw new InvalidArgumentError(
      `The table ${name} has triggers that would run after those of protect(), and could write another token: ` +
        `${later.join(", ")}. PostgreSQL runs triggers in the order of their names: give these a name before ` +
        `${NAMED_TRIGGER}.`,
    );
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
    `protect() needs ${JSON.stringify(column)} to be a BIGINT column, and the table ${name} ${now}: a token does ` +
      "not fit in less. Add the column, or alter its type, first.",
  );
}

/** The function lives next to its table, under a name made from the table's, so that unprotect finds it. */
function checkFunction(schema: string, table: TableName): string {
  const name = `zk_lock_fence_${createHash("sha256").update(tableParts(table).table).digest("hex").slice(0, 16)}`;
  return `${quoteName(schema, dialect)}.${name}`;
}

/** The token of an UPDATE, and the row that it was accepted for; see below. A setting of the transaction. */
const MOVED_SETTING = "zk_lock_manager.moved";

/**
 * The check. The first trigger fires only where the UPDATE names the column; it marks the token as named by making it
 * negative, and the second one turns it back. Where no token was named, the one that `run` announced is written, if it
 * was announced to this very transaction: a setting that somebody made for the whole session is none of ours.
 *
 * An UPDATE that moves a row to another partition comes as UPDATE, then DELETE, then INSERT. The DELETE carries no
 * token, so the UPDATE leaves its own behind, with the row as it was. The search path is fixed, since a session may
 * have operators of its own.
 */
function functionSql(check: string, token: string): string {
  const body = `
DECLARE
  announced bigint := CASE WHEN current_setting('${TRANSACTION_SETTING}', true) = txid_current()::text
    THEN nullif(current_setting('${TOKEN_SETTING}', true), '')::bigint END;
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
  ELSIF TG_OP = 'DELETE' AND split_part(current_setting('${MOVED_SETTING}', true), ' ', 2) = md5(OLD::text) THEN
    carried := greatest(announced, split_part(current_setting('${MOVED_SETTING}', true), ' ', 1)::bigint);
  END IF;
  IF carried IS NULL OR carried < 0 THEN
    RAISE EXCEPTION 'zk-lock-manager: % of %.% without a fencing token', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
      USING ERRCODE = '${SqlState.missingToken}',
        HINT = 'Set the token column, or write inside run() of the fence guard.';
  END IF;
  IF carried < seen THEN
    RAISE EXCEPTION 'zk-lock-manager: the token % is stale: the row in %.% has seen %',
      carried, TG_TABLE_SCHEMA, TG_TABLE_NAME, seen
      USING ERRCODE = '${SqlState.staleToken}', DETAIL = format('token %s, highest %s', carried, seen);
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  NEW.${token} := carried;
  IF TG_OP = 'UPDATE' AND (SELECT relispartition FROM pg_class WHERE oid = TG_RELID) THEN
    PERFORM set_config('${MOVED_SETTING}', carried || ' ' || md5(OLD::text), true);
  END IF;
  RETURN NEW;
END`;
  const settings = "LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp";
  return `CREATE OR REPLACE FUNCTION ${check}() RETURNS trigger ${settings} AS ${dollarQuote(body)}`;
}

/** A dollar quote whose tag does not occur in the text, whatever a column is called. */
function dollarQuote(text: string): string {
  let tag = "$fence$";
  for (let n = 1; text.includes(tag); n += 1) tag = `$fence${n}$`;
  return tag + text + tag;
}
