import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import mysql from "mysql2/promise";
import type { Pool, RowDataPacket } from "mysql2/promise";
import pg from "pg";
import { createClient } from "redis";
import { mysqlFence } from "../../../src/fencing/mysql/index.js";
import { postgresFence } from "../../../src/fencing/postgres/index.js";
import { redisFence } from "../../../src/fencing/redis/index.js";
import { sqliteFence } from "../../../src/fencing/sqlite/index.js";
import { startMariadb } from "../../helpers/databases/mariadb.js";
import { startPostgres } from "../../helpers/databases/postgres.js";
import { startRedis } from "../../helpers/databases/redis.js";
import { betterSqlite, nodeSqlite } from "./stores/sqlite.js";

/** What stands where a token belongs, and is none, was written by somebody else: it is refused, and stays as it is. */

const REFUSED = { name: "FenceSetupError", code: "ERR_FENCE_SETUP" };

describe("PostgreSQL", () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let pool: pg.Pool;
  beforeAll(async () => {
    server = await startPostgres();
    pool = new pg.Pool({ connectionString: server.url, max: 3 });
  }, 60_000);
  afterAll(async () => {
    await pool.end();
    await server.stop();
  });

  test.each([
    ["bigint", "-1"],
    ["bigint", "9007199254740992"],
    ["bigint", "NULL"],
    ["numeric", "4.5"],
    ["numeric", "1e20"],
    ["numeric", "'NaN'"],
    ["double precision", "1e20"],
    ["double precision", "0.5"],
    ["text", "'abc'"],
    ["text", "''"],
    ["text", "'1e3'"],
    ["text", "' 4'"],
    ["text", "'07'"],
  ])("refuses a fence of type %s that holds %s", async (type, value) => {
    await pool.query("DROP TABLE IF EXISTS fences");
    await pool.query(`CREATE TABLE fences (resource text PRIMARY KEY, token ${type})`);
    await pool.query(`INSERT INTO fences VALUES ('r', ${value})`);
    const { rows } = await pool.query("SELECT * FROM fences");
    const guard = postgresFence(pool, { table: "fences" });
    await expect(guard.run("r", 7, () => undefined)).rejects.toMatchObject(REFUSED);
    await expect(guard.highest("r")).rejects.toMatchObject(REFUSED);
    if (type !== "bigint") await expect(guard.setup()).rejects.toMatchObject(REFUSED);
    expect((await pool.query("SELECT * FROM fences")).rows).toEqual(rows);
  });

  test("compares tokens as numbers even where somebody made the column text", async () => {
    await pool.query("DROP TABLE IF EXISTS fences; CREATE TABLE fences (resource text PRIMARY KEY, token text)");
    const guard = postgresFence(pool, { table: "fences" });
    await guard.run("r", 9, () => undefined);
    await guard.run("r", 10, () => undefined);
    await expect(guard.run("r", 9, () => undefined)).rejects.toMatchObject({ name: "StaleTokenError", highest: 10 });
  });

  test.each([
    ["has no key", "CREATE TABLE fences (resource text, token bigint NOT NULL)"],
    ["has a key of two columns", "CREATE TABLE fences (resource text, token bigint, PRIMARY KEY (resource, token))"],
    [
      "has a key for some rows",
      "CREATE TABLE fences (resource text, token bigint); CREATE UNIQUE INDEX ON fences (resource) WHERE token > 5",
    ],
    ["has no token", "CREATE TABLE fences (resource text PRIMARY KEY, value bigint)"],
    ["has a smaller token", "CREATE TABLE fences (resource text PRIMARY KEY, token int)"],
    ["is a view", "CREATE VIEW fences AS SELECT 'r'::text AS resource, 1::bigint AS token"],
  ])("refuses a table that %s", async (_, sql) => {
    await pool.query("DROP SCHEMA IF EXISTS foreign_tables CASCADE; CREATE SCHEMA foreign_tables");
    await pool.query(sql.replace(/fences/g, "foreign_tables.fences"));
    const guard = postgresFence(pool, { table: "foreign_tables.fences" });
    await expect(guard.setup()).rejects.toMatchObject(REFUSED);
    await expect(guard.run("r", 2 ** 40, () => undefined)).rejects.toThrow();
  });

  test.each([
    ["bigint", "-1"],
    ["bigint", "9007199254740992"],
    ["numeric", "4.5"],
    ["text", "'abc'"],
  ])("refuses to update a row whose token, of type %s, is %s", async (type, value) => {
    await pool.query("DROP TABLE IF EXISTS job");
    await pool.query(`CREATE TABLE job (id int, state text, fence_token ${type})`);
    await pool.query(`INSERT INTO job VALUES (1, 'new', ${value})`);
    const update = postgresFence(pool).update({ table: "job", set: { state: "x" }, where: { id: 1 }, token: 7 });
    await expect(update).rejects.toMatchObject(REFUSED);
    expect((await pool.query("SELECT state FROM job")).rows).toEqual([{ state: "new" }]);
  });
});

describe("MariaDB", () => {
  let server: Awaited<ReturnType<typeof startMariadb>>;
  let pool: Pool;
  beforeAll(async () => {
    server = await startMariadb();
    pool = mysql.createPool({ uri: server.url, connectionLimit: 3 });
    // The mode in which the server takes the most.
    pool.on("connection", (connection) => void connection.query("SET SESSION sql_mode = ''"));
  }, 60_000);
  afterAll(async () => {
    await pool.end();
    await server.stop();
  });
  const rows = async (sql: string) => (await pool.query<RowDataPacket[]>(sql))[0];

  const BAD = [
    ["BIGINT", "-1"],
    ["BIGINT", "9007199254740992"],
    ["BIGINT", "NULL"],
    ["DECIMAL(30, 2)", "4.5"],
    ["DOUBLE", "1e20"],
    ["VARCHAR(40)", "'abc'"],
    ["VARCHAR(40)", "''"],
    ["VARCHAR(40)", "'1e3'"],
    ["VARCHAR(40)", "' 4'"],
    ["VARCHAR(40)", "'-1'"],
  ];

  test.each(BAD)("refuses a fence of type %s that holds %s", async (type, value) => {
    await pool.query("DROP TABLE IF EXISTS fences");
    await pool.query(`CREATE TABLE fences (resource VARBINARY(512) PRIMARY KEY, token ${type}) ENGINE = InnoDB`);
    await pool.query(`INSERT INTO fences VALUES ('r', ${value})`);
    const before = await rows("SELECT * FROM fences");
    const guard = mysqlFence(pool, { table: "fences" });
    await expect(guard.run("r", 7, () => undefined)).rejects.toMatchObject(REFUSED);
    await expect(guard.highest("r")).rejects.toMatchObject(REFUSED);
    if (type !== "BIGINT") await expect(guard.setup()).rejects.toMatchObject(REFUSED);
    expect(await rows("SELECT * FROM fences")).toEqual(before);
  });

  test.each(BAD.filter(([, value]) => value !== "NULL"))(
    "refuses to update a row whose token, of type %s, is %s",
    async (type, value) => {
      await pool.query("DROP TABLE IF EXISTS job");
      await pool.query(`CREATE TABLE job (id INT, state VARCHAR(20), fence_token ${type}) ENGINE = InnoDB`);
      await pool.query(`INSERT INTO job VALUES (1, 'new', ${value})`);
      const update = mysqlFence(pool).update({ table: "job", set: { state: "x" }, where: { id: 1 }, token: 7 });
      await expect(update).rejects.toMatchObject(REFUSED);
      expect(await rows("SELECT state FROM job")).toEqual([{ state: "new" }]);
    },
  );

  test.each([
    ["has no key", "(resource VARBINARY(512), token BIGINT) ENGINE = InnoDB"],
    [
      "has a key of two columns",
      "(resource VARBINARY(512), token BIGINT, PRIMARY KEY (resource, token)) ENGINE = InnoDB",
    ],
    ["has no token", "(resource VARBINARY(512) PRIMARY KEY) ENGINE = InnoDB"],
    ["has a smaller token", "(resource VARBINARY(512) PRIMARY KEY, token INT) ENGINE = InnoDB"],
    ["has a key that takes a for A", "(resource VARCHAR(200) PRIMARY KEY, token BIGINT) ENGINE = InnoDB"],
    ["takes nothing back", "(resource VARBINARY(512) PRIMARY KEY, token BIGINT NOT NULL) ENGINE = MyISAM"],
  ])("refuses a table that %s", async (_, definition) => {
    await pool.query("DROP TABLE IF EXISTS foreign_fences");
    await pool.query(`CREATE TABLE foreign_fences ${definition}`);
    await expect(mysqlFence(pool, { table: "foreign_fences" }).setup()).rejects.toMatchObject(REFUSED);
  });
});

describe("Redis", () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let ioredis: Redis;
  let nodeRedis: ReturnType<typeof createClient>;
  beforeAll(async () => {
    server = await startRedis();
    ioredis = new Redis(server.url);
    nodeRedis = createClient({ url: server.url });
    await nodeRedis.connect();
  }, 60_000);
  afterAll(async () => {
    nodeRedis.destroy();
    ioredis.disconnect();
    await server.stop();
  });

  test.each([
    "abc",
    "",
    "1e20",
    "1e3",
    "-1",
    "4.5",
    " 4",
    "4 ",
    "07",
    "0x7",
    "9007199254740992",
    "9007199254740993",
    "inf",
    "nan",
  ])("refuses a key that holds %j", async (value) => {
    for (const client of [ioredis, nodeRedis]) {
      const guard = redisFence(client);
      await ioredis.set(guard.key("r"), value);
      const run = guard.run("r", Number.MAX_SAFE_INTEGER, (tx) => tx.call("SET", "written", 1));
      await expect(run).rejects.toMatchObject(REFUSED);
      await expect(guard.highest("r")).rejects.toMatchObject(REFUSED);
      expect(await ioredis.get(guard.key("r"))).toBe(value);
      expect(await ioredis.exists("written")).toBe(0);
    }
  });

  test("refuses a key of another type", async () => {
    for (const client of [ioredis, nodeRedis]) {
      const guard = redisFence(client);
      await ioredis.del(guard.key("r"));
      await ioredis.hset(guard.key("r"), "token", 4);
      await expect(guard.run("r", 7, () => undefined)).rejects.toMatchObject(REFUSED);
      await expect(guard.highest("r")).rejects.toMatchObject(REFUSED);
      expect(await ioredis.hgetall(guard.key("r"))).toEqual({ token: "4" });
    }
  });
});

const nodes = nodeSqlite();
describe.each([
  ["better-sqlite3", betterSqlite] as const,
  ...(nodes === null ? [] : [["node:sqlite", nodes] as const]),
])("SQLite with %s", (_, open) => {
  test.each(["'abc'", "'7'", "''", "-1", "4.5", "1e20", "9007199254740992", "NULL", "x'37'"])(
    "refuses a fence, and a row, that holds %s",
    async (value) => {
      const db = open(":memory:");
      db.exec(
        `CREATE TABLE zk_lock_fences (resource TEXT PRIMARY KEY, token); INSERT INTO zk_lock_fences VALUES ('r', ${value})`,
      );
      const stored = () => db.prepare("SELECT quote(token) AS token FROM zk_lock_fences").get();
      const before = stored();
      const guard = sqliteFence(db);
      await expect(guard.run("r", 7, () => undefined)).rejects.toMatchObject(REFUSED);
      await expect(guard.highest("r")).rejects.toMatchObject(REFUSED);
      const check = () => {
        db.exec("BEGIN");
        guard.check(db, "r", 7);
      };
      expect(check).toThrow(expect.objectContaining(REFUSED));
      db.exec("ROLLBACK");
      expect(stored()).toEqual(before);
      if (value !== "NULL") {
        db.exec(`CREATE TABLE job (state TEXT, fence_token); INSERT INTO job VALUES ('new', ${value})`);
        const update = guard.update({ table: "job", set: { state: "x" }, where: { state: "new" }, token: 7 });
        await expect(update).rejects.toMatchObject(REFUSED);
        expect(db.prepare("SELECT state FROM job").get()).toEqual({ state: "new" });
      }
      db.close();
    },
  );

  test.each([
    ["has no key", "CREATE TABLE zk_lock_fences (resource TEXT, token INTEGER)"],
    ["has no token", "CREATE TABLE zk_lock_fences (resource TEXT PRIMARY KEY)"],
    ["is a view", "CREATE VIEW zk_lock_fences AS SELECT 'r' AS resource, 1 AS token"],
  ])("refuses a table that %s", async (_, sql) => {
    const db = open(":memory:");
    db.exec(sql);
    await expect(sqliteFence(db).setup()).rejects.toMatchObject(REFUSED);
    db.close();
  });
});
