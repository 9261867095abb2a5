import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import mysql from "mysql2/promise";
import type { Pool, PoolConnection, RowDataPacket } from "mysql2/promise";
import pg from "pg";
import { mysqlFence } from "../../../src/fencing/mysql/index.js";
import { postgresFence } from "../../../src/fencing/postgres/index.js";
import { sqliteFence } from "../../../src/fencing/sqlite/index.js";
import { startMariadb } from "../../helpers/databases/mariadb.js";
import { startPostgres } from "../../helpers/databases/postgres.js";
import { until } from "../../helpers/until.js";
import { betterSqlite, nodeSqlite } from "./stores/sqlite.js";

/** Whose transaction is it that the guard commits? These tests end it, or open it, behind the guard's back. */

const ENDED = {
  name: "FenceTransactionError",
  code: "ERR_FENCE_TRANSACTION",
  message: expect.stringMatching(/before the guard's COMMIT/) as unknown,
};
const OPEN = {
  name: "FenceTransactionError",
  message: expect.stringMatching(/has a transaction open that is not the guard's/) as unknown,
};
const NONE = {
  name: "FenceTransactionError",
  message: expect.stringMatching(/needs a connection with an open transaction/) as unknown,
};

describe("PostgreSQL", () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let pool: pg.Pool;
  let one: pg.Pool;
  beforeAll(async () => {
    server = await startPostgres();
    pool = new pg.Pool({ connectionString: server.url, max: 4 });
    one = new pg.Pool({ connectionString: server.url, max: 1 });
    await pool.query("CREATE TABLE note (value text)");
    await postgresFence(pool).setup();
  }, 60_000);
  afterAll(async () => {
    await Promise.all([pool.end(), one.end()]);
    await server.stop();
  });
  const notes = async () =>
    (await pool.query<{ value: string }>("SELECT value FROM note")).rows.map((row) => row.value);

  test.each([
    ["COMMIT"],
    ["ROLLBACK"],
    ["ROLLBACK; BEGIN"],
    ["COMMIT; BEGIN"],
    ["COMMIT AND CHAIN"],
    ["ROLLBACK AND CHAIN"],
    ["ABORT; START TRANSACTION"],
  ])("knows that it is no longer in its transaction when the body says %s", async (sql) => {
    const guard = postgresFence(one);
    const run = guard.run(`ended by ${sql}`, 5, async (tx) => {
      await tx.query(sql);
      if (sql.endsWith("BEGIN") || sql.endsWith("CHAIN")) await tx.query("INSERT INTO note VALUES ('not committed')");
    });
    await expect(run).rejects.toMatchObject({ ...ENDED, resource: `ended by ${sql}` });
    expect(await notes()).not.toContain("not committed");
    // The connection is not in a transaction any more.
    expect((await one.query("SELECT now() = statement_timestamp() AS alone")).rows).toEqual([{ alone: true }]);
  });

  test("commits what was written around savepoints of the body, those rolled back too", async () => {
    const guard = postgresFence(pool);
    await guard.run("savepoints", 5, async (tx) => {
      await tx.query("SAVEPOINT a");
      await tx.query("no SQL").catch(() => undefined);
      await tx.query("ROLLBACK TO SAVEPOINT a");
      await tx.query("SAVEPOINT b; INSERT INTO note VALUES ('around savepoints')");
    });
    expect(await notes()).toContain("around savepoints");
    expect(await guard.highest("savepoints")).toBe(5);
  });

  test("refuses a connection with an open transaction, and leaves that as it is", async () => {
    const client = await one.connect();
    await client.query("BEGIN; INSERT INTO note VALUES ('of the application')");
    // A pool that gives the connection of a transaction, with and without the status that `pg` tells.
    const bound = (status: boolean) => ({
      connect: () =>
        Promise.resolve({
          query: (text: string, values?: unknown[]) => client.query(text, values),
          on: () => undefined,
          removeListener: () => undefined,
          release: () => undefined,
          ...(status && { getTransactionStatus: () => client.getTransactionStatus() }),
        }),
    });
    for (const status of [true, false]) {
      const guard = postgresFence(bound(status));
      const calls = [
        () => guard.run("foreign", 5, () => undefined),
        () => guard.highest("foreign"),
        () => guard.setup(),
        () => guard.update({ table: "note", set: { value: "x" }, where: { value: "y" }, token: 1 }),
        () => guard.protect("note"),
      ];
      for (const call of calls) await expect(call()).rejects.toMatchObject(OPEN);
    }
    expect(await notes()).not.toContain("of the application");
    await client.query("ROLLBACK");
    for (const status of [true, false]) await postgresFence(bound(status)).run("own now", 5, () => undefined);
    client.release();
    expect(await notes()).not.toContain("of the application");
    expect(await postgresFence(pool).highest("foreign")).toBeNull();
  });

  describe("check", () => {
    const inTransaction = async <T>(body: (tx: pg.PoolClient) => Promise<T>, begin = "BEGIN"): Promise<T> => {
      const client = await pool.connect();
      try {
        await client.query(begin);
        const result = await body(client);
        await client.query("COMMIT");
        return result;
      } catch (error) {
        await client.query("ROLLBACK");
        throw error;
      } finally {
        client.release();
      }
    };

    test("raises the fence with the application's own commit, and not before", async () => {
      const guard = postgresFence(pool);
      await inTransaction(async (tx) => {
        await guard.check(tx, "checked", 7);
        await tx.query("INSERT INTO note VALUES ('checked')");
        expect(await guard.highest("checked")).toBeNull();
      });
      expect(await guard.highest("checked")).toBe(7);
      const lost = inTransaction(async (tx) => {
        await guard.check(tx, "checked", 9);
        throw new Error("the application's own");
      });
      await expect(lost).rejects.toThrow("the application's own");
      expect(await guard.highest("checked")).toBe(7);
    });

    test("refuses a stale token, and leaves the transaction and its settings as they were", async () => {
      const guard = postgresFence(pool);
      await guard.run("stale", 9, () => undefined);
      const settings = (tx: pg.PoolClient) =>
        tx.query("SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement");
      await inTransaction(async (tx) => {
        await tx.query("SET LOCAL lock_timeout = 1234; SET LOCAL statement_timeout = 4321");
        await expect(guard.check(tx, "stale", 8)).rejects.toMatchObject({ name: "StaleTokenError", highest: 9 });
        expect((await settings(tx)).rows).toEqual([{ lock: "1234ms", statement: "4321ms" }]);
        await guard.check(tx, "stale", 10);
        expect((await settings(tx)).rows).toEqual([{ lock: "1234ms", statement: "4321ms" }]);
      });
      expect(await guard.highest("stale")).toBe(10);
    });

    test("keeps the fence until the application commits, and waits no longer than it was told", async () => {
      const guard = postgresFence(pool, { waitTimeoutMs: 300 });
      await inTransaction(async (tx) => {
        await guard.check(tx, "kept", 5);
        await expect(guard.run("kept", 6, () => undefined)).rejects.toMatchObject({ name: "FenceBusyError" });
        await inTransaction(async (other) => {
          await other.query("SET LOCAL lock_timeout = 0");
          await expect(guard.check(other, "kept", 6)).rejects.toMatchObject({ name: "FenceBusyError" });
          await other.query("INSERT INTO note VALUES ('after a busy check')");
        });
      });
      expect(await notes()).toContain("after a busy check");
      await guard.run("kept", 6, () => undefined);
    });

    test("refuses a pool, a connection without a transaction, and one whose transaction has failed", async () => {
      const guard = postgresFence(pool);
      await expect(guard.check(pool, "none", 5)).rejects.toMatchObject(NONE);
      const client = await pool.connect();
      await expect(guard.check(client, "none", 5)).rejects.toMatchObject(NONE);
      await client.query("BEGIN");
      await client.query("no SQL").catch(() => undefined);
      await expect(guard.check(client, "none", 5)).rejects.toMatchObject(NONE);
      await client.query("ROLLBACK");
      client.release();
      expect(await guard.highest("none")).toBeNull();
    });

    test.each(["REPEATABLE READ", "SERIALIZABLE"])(
      "tells a %s transaction to begin anew where the fence was raised since its snapshot",
      async (level) => {
        const guard = postgresFence(pool);
        await guard.run(level, 5, () => undefined);
        await inTransaction(async (tx) => {
          await tx.query("SELECT 1 FROM note");
          await guard.run(level, 6, () => undefined);
          const check = guard.check(tx, level, 7);
          await expect(check).rejects.toMatchObject({ name: "FenceBusyError", cause: { code: "40001" } });
        }, `BEGIN ISOLATION LEVEL ${level}`);
        await inTransaction((tx) => guard.check(tx, level, 7), `BEGIN ISOLATION LEVEL ${level}`);
        expect(await guard.highest(level)).toBe(7);
      },
    );

    test("announces the token to the triggers, for this transaction only", async () => {
      const guard = postgresFence(one);
      await pool.query("CREATE TABLE stamped (id int, fence_token bigint)");
      await guard.protect("stamped");
      const client = await one.connect();
      await client.query("BEGIN");
      await guard.check(client, "stamps", 5);
      await client.query("INSERT INTO stamped VALUES (1)");
      await client.query("COMMIT");
      await expect(client.query("INSERT INTO stamped VALUES (2)")).rejects.toThrow(/without a fencing token/);
      client.release();
      expect((await pool.query("SELECT * FROM stamped")).rows).toEqual([{ id: 1, fence_token: "5" }]);
    });

    test("says so when an adapter swallows the answers", async () => {
      const guard = postgresFence(pool);
      await inTransaction(async (tx) => {
        const mute = { query: (text: string) => tx.query(text).then(() => undefined) };
        await expect(guard.check(mute, "mute", 5)).rejects.toMatchObject({ name: "InvalidArgumentError" });
      });
      expect(await guard.highest("mute")).toBeNull();
    });
  });
});

describe("MariaDB", () => {
  let server: Awaited<ReturnType<typeof startMariadb>>;
  let pool: Pool;
  let one: Pool;
  beforeAll(async () => {
    server = await startMariadb();
    pool = mysql.createPool({ uri: server.url, connectionLimit: 4 });
    one = mysql.createPool({ uri: server.url, connectionLimit: 1 });
    await pool.query("CREATE TABLE note (id INT PRIMARY KEY, value TEXT) ENGINE = InnoDB");
    await pool.query("INSERT INTO note VALUES (1, 'one'), (2, 'two')");
    await mysqlFence(pool).setup();
  }, 60_000);
  afterAll(async () => {
    await Promise.all([pool.end(), one.end()]);
    await server.stop();
  });
  const rows = async (sql: string, on: Pool | PoolConnection = pool) => (await on.query<RowDataPacket[]>(sql))[0];

  test("knows that a deadlock took the fence back, also where the body repeats its statement", async () => {
    const guard = mysqlFence(pool);
    const other = await pool.getConnection();
    await guard.run("deadlock", 3, () => undefined);
    const run = guard.run("deadlock", 5, async (tx) => {
      await tx.query("UPDATE note SET value = 'body' WHERE id = 1");
      await other.query("START TRANSACTION");
      // More rows to lose, so that the server takes the other for the victor.
      await other.query("INSERT INTO note SELECT seq + 100, 'weight' FROM seq_1_to_50");
      await other.query("UPDATE note SET value = 'other' WHERE id = 2");
      const blocked = other.query("UPDATE note SET value = 'other' WHERE id = 1");
      await until(
        async () => Number((await rows("SHOW STATUS LIKE 'Innodb_row_lock_current_waits'"))[0]?.["Value"]) > 0,
        {
          what: "the other transaction to wait for the body's",
        },
      );
      const lost = tx.query("UPDATE note SET value = 'body' WHERE id = 2");
      await expect(lost).rejects.toMatchObject({ errno: 1213 });
      await blocked;
      await other.query("ROLLBACK");
      await tx.query("UPDATE note SET value = 'repeated' WHERE id = 2");
    });
    await expect(run).rejects.toMatchObject(ENDED);
    other.release();
    expect(await guard.highest("deadlock")).toBe(3);
  });

  test.each([
    ["COMMIT"],
    ["ROLLBACK"],
    ["COMMIT AND CHAIN"],
    ["ROLLBACK AND CHAIN"],
    ["BEGIN"],
    ["START TRANSACTION"],
    ["CREATE TABLE made_by_a_body (id INT)"],
    ["LOCK TABLES note WRITE"],
    ["ALTER TABLE note COMMENT 'altered'"],
    ["TRUNCATE TABLE empty_one"],
  ])("knows that it is no longer in its transaction when the body says %s", async (sql) => {
    await pool.query("CREATE TABLE IF NOT EXISTS empty_one (id INT)");
    const guard = mysqlFence(one);
    const run = guard.run(`ended by ${sql}`, 5, (tx) => tx.query(sql));
    await expect(run).rejects.toMatchObject(ENDED);
    // Nothing of it is left in the pool's connection: neither locked tables nor a transaction.
    await pool.query("UPDATE note SET value = 'free' WHERE id = 1");
    expect(await rows("SELECT @@in_transaction AS open", one)).toEqual([{ open: 0 }]);
  });

  test("commits what was written around savepoints of the body, and in spite of autocommit set to 1", async () => {
    const guard = mysqlFence(one);
    await guard.run("savepoints", 5, async (tx) => {
      await tx.query("SAVEPOINT a");
      await tx.query("UPDATE note SET value = 'taken back' WHERE id = 1");
      await tx.query("ROLLBACK TO SAVEPOINT a");
      await tx.query("SET autocommit = 1");
      await tx.query("UPDATE note SET value = 'kept' WHERE id = 2");
    });
    expect((await rows("SELECT value FROM note WHERE id < 3 ORDER BY id"))[1]).toEqual({ value: "kept" });
    expect(await guard.highest("savepoints")).toBe(5);
  });

  test("gives the connection back with its own autocommit, whatever the body made of it", async () => {
    await mysqlFence(one).run("autocommit", 5, (tx) => tx.query("SET autocommit = 0"));
    expect(await rows("SELECT @@autocommit AS a", one)).toEqual([{ a: 1 }]);
  });

  test("refuses a connection with an open transaction, and leaves that as it is", async () => {
    for (const begin of ["START TRANSACTION", "SET autocommit = 0"]) {
      const client = await one.getConnection();
      await client.query(begin);
      await client.query("UPDATE note SET value = 'of the application' WHERE id = 1");
      const bound = mysqlFence({
        getConnection: () =>
          Promise.resolve(Object.assign(Object.create(client) as PoolConnection, { release: () => undefined })),
      });
      for (const call of [
        () => bound.run("foreign", 5, () => undefined),
        () => bound.highest("foreign"),
        () => bound.setup(),
        () => bound.update({ table: "note", set: { value: "x" }, where: { id: 1 }, token: 1, column: "id" }),
        () => bound.protect("note", { column: "id" }),
      ]) {
        await expect(call()).rejects.toMatchObject(OPEN);
      }
      expect(await rows("SELECT value FROM note WHERE id = 1", client)).toEqual([{ value: "of the application" }]);
      await client.query("ROLLBACK");
      await client.query("SET autocommit = 1");
      expect(await rows("SELECT value FROM note WHERE id = 1")).not.toEqual([{ value: "of the application" }]);
      expect(await rows("SELECT @@wait_timeout > 1000 AS usual", client)).toEqual([{ usual: 1 }]);
      client.release();
    }
    expect(await mysqlFence(pool).highest("foreign")).toBeNull();
  });

  describe("check", () => {
    const inTransaction = async <T>(body: (tx: PoolConnection) => Promise<T>): Promise<T> => {
      const client = await pool.getConnection();
      try {
        await client.beginTransaction();
        const result = await body(client);
        await client.commit();
        return result;
      } catch (error) {
        await client.rollback();
        throw error;
      } finally {
        client.release();
      }
    };

    test("raises the fence with the application's own commit, and not before", async () => {
      const guard = mysqlFence(pool);
      await inTransaction(async (tx) => {
        await guard.check(tx, "checked", 7);
        await tx.query("UPDATE note SET value = 'checked' WHERE id = 1");
        expect(await guard.highest("checked")).toBeNull();
      });
      expect(await guard.highest("checked")).toBe(7);
      const lost = inTransaction(async (tx) => {
        await guard.check(tx, "checked", 9);
        throw new Error("the application's own");
      });
      await expect(lost).rejects.toThrow("the application's own");
      expect(await guard.highest("checked")).toBe(7);
    });

    test("refuses a stale token, and leaves the transaction and the session's settings as they were", async () => {
      const guard = mysqlFence(pool);
      await guard.run("stale", 9, () => undefined);
      await inTransaction(async (tx) => {
        await tx.query("SET SESSION innodb_lock_wait_timeout = 33");
        await tx.query("UPDATE note SET value = 'before the check' WHERE id = 2");
        await expect(guard.check(tx, "stale", 8)).rejects.toMatchObject({ name: "StaleTokenError", highest: 9 });
        await guard.check(tx, "stale", 10);
        expect(await rows("SELECT @@innodb_lock_wait_timeout AS seconds", tx)).toEqual([{ seconds: 33 }]);
      });
      expect(await rows("SELECT value FROM note WHERE id = 2")).toEqual([{ value: "before the check" }]);
      expect(await guard.highest("stale")).toBe(10);
    });

    test("keeps the fence until the application commits, and waits no longer than it was told", async () => {
      const guard = mysqlFence(pool, { waitTimeoutMs: 1_000 });
      await inTransaction(async (tx) => {
        await guard.check(tx, "kept", 5);
        await inTransaction(async (other) => {
          await expect(guard.check(other, "kept", 6)).rejects.toMatchObject({ name: "FenceBusyError" });
          await other.query("UPDATE note SET value = 'after a busy check' WHERE id = 1");
        });
      });
      expect(await rows("SELECT value FROM note WHERE id = 1")).toEqual([{ value: "after a busy check" }]);
      expect(await guard.highest("kept")).toBe(5);
    });

    test("refuses a pool, and a connection without a transaction, before it writes", async () => {
      const guard = mysqlFence(pool);
      await expect(guard.check(pool, "none", 5)).rejects.toMatchObject(NONE);
      await expect(guard.check(one, "none", 5)).rejects.toMatchObject(NONE);
      expect(await guard.highest("none")).toBeNull();
    });

    test("serves a session without autocommit, whose transactions begin by themselves", async () => {
      const client = await one.getConnection();
      await client.query("SET autocommit = 0");
      await mysqlFence(pool).check(client, "by itself", 5);
      await client.rollback();
      expect(await mysqlFence(pool).highest("by itself")).toBeNull();
      await mysqlFence(pool).check(client, "by itself", 5);
      await client.commit();
      await client.query("SET autocommit = 1");
      client.release();
      expect(await mysqlFence(pool).highest("by itself")).toBe(5);
    });
  });
});

const nodes = nodeSqlite();
describe.each([
  ["better-sqlite3", betterSqlite] as const,
  ...(nodes === null ? [] : [["node:sqlite", nodes] as const]),
])("SQLite with %s", (kind, open) => {
  const directory = mkdtempSync(join(tmpdir(), "zk-lock-sqlite-"));
  afterAll(() => rmSync(directory, { recursive: true }));

  const fresh = async (name: string) => {
    const file = join(directory, `${kind.replace(":", "-")} ${name}`);
    const db = open(file);
    db.exec("CREATE TABLE note (value TEXT UNIQUE ON CONFLICT ROLLBACK)");
    const guard = sqliteFence(db);
    await guard.setup();
    return { file, db, guard };
  };
  const notes = (db: ReturnType<typeof open>) =>
    (db.prepare("SELECT group_concat(value) AS all_of_them FROM note").get() as { all_of_them: string | null })
      .all_of_them;

  test.each([["COMMIT"], ["ROLLBACK"], ["ROLLBACK; BEGIN"], ["COMMIT; BEGIN"], ["END; BEGIN IMMEDIATE"]])(
    "knows that it is no longer in its transaction when the body says %s",
    async (sql) => {
      const { db, guard } = await fresh(sql.replace(/\W/g, "-"));
      const run = guard.run("r", 5, (tx) => {
        tx.exec(sql);
        if (sql.includes("BEGIN")) tx.exec("INSERT INTO note VALUES ('not committed')");
      });
      await expect(run).rejects.toMatchObject(ENDED);
      expect(notes(db)).toBeNull();
      await guard.run("r", 6, (tx) => void tx.exec("INSERT INTO note VALUES ('next')"));
      expect(notes(db)).toBe("next");
      db.close();
    },
  );

  test("knows that SQLite itself took the transaction back, and the body went on", async () => {
    const { db, guard } = await fresh("by itself");
    await guard.run("r", 3, (tx) => void tx.exec("INSERT INTO note VALUES ('twice')"));
    const run = guard.run("r", 5, (tx) => {
      expect(() => tx.exec("INSERT INTO note VALUES ('twice')")).toThrow(/UNIQUE/);
      tx.exec("INSERT INTO note VALUES ('outside of any transaction')");
    });
    await expect(run).rejects.toMatchObject(ENDED);
    expect(await guard.highest("r")).toBe(3);
    db.close();
  });

  test("commits what was written around savepoints of the body", async () => {
    const { db, guard } = await fresh("savepoints");
    await guard.run("r", 5, (tx) => {
      tx.exec("SAVEPOINT a; INSERT INTO note VALUES ('taken back'); ROLLBACK TO a");
      tx.exec("SAVEPOINT b; INSERT INTO note VALUES ('kept')");
    });
    expect(notes(db)).toBe("kept");
    db.close();
  });

  test("refuses a connection with an open transaction, and leaves that as it is", async () => {
    const { db, guard } = await fresh("foreign");
    db.exec("BEGIN; INSERT INTO note VALUES ('of the application')");
    await expect(guard.run("r", 5, () => undefined)).rejects.toMatchObject(OPEN);
    const update = { table: "note", set: { value: "x" }, where: { value: "y" }, token: 1 };
    await expect(guard.update(update)).rejects.toMatchObject(OPEN);
    expect(notes(db)).toBe("of the application");
    db.exec("ROLLBACK");
    expect(notes(db)).toBeNull();
    db.close();
  });

  test("check raises the fence inside the application's transaction, at once", async () => {
    const { file, db, guard } = await fresh("checked");
    expect(() => guard.check(db, "r", 5)).toThrow(expect.objectContaining(NONE));
    db.exec("BEGIN");
    guard.check(db, "r", 5);
    db.exec("INSERT INTO note VALUES ('checked')");
    db.exec("COMMIT");
    expect(await guard.highest("r")).toBe(5);
    db.exec("BEGIN");
    expect(() => guard.check(db, "r", 4)).toThrow(expect.objectContaining({ name: "StaleTokenError", highest: 5 }));
    guard.check(db, "r", 6);
    db.exec("ROLLBACK");
    expect(await guard.highest("r")).toBe(5);

    const other = open(file);
    other.exec("PRAGMA busy_timeout = 1; BEGIN IMMEDIATE");
    db.exec("PRAGMA busy_timeout = 1; BEGIN");
    expect(() => guard.check(db, "r", 7)).toThrow(expect.objectContaining({ name: "FenceBusyError" }));
    db.exec("ROLLBACK");
    other.exec("COMMIT");
    other.close();
    db.close();
  });
});
