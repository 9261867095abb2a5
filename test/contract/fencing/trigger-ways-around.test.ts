import { mkdtempSync, chmodSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import mysql from "mysql2/promise";
import type { Pool, RowDataPacket } from "mysql2/promise";
import pg from "pg";
import { InvalidArgumentError } from "../../../src/errors.js";
import { mysqlFence } from "../../../src/fencing/mysql/index.js";
import { postgresFence } from "../../../src/fencing/postgres/index.js";
import { startMariadb } from "../../helpers/databases/mariadb.js";
import { startPostgres } from "../../helpers/databases/postgres.js";

/** Ways on which a write could get around the triggers of protect, or the triggers into the way of a good write. */

describe("PostgreSQL", () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let pool: pg.Pool;
  beforeAll(async () => {
    server = await startPostgres();
    pool = new pg.Pool({ connectionString: server.url, max: 3 });
    await postgresFence(pool).setup();
  }, 60_000);
  afterAll(async () => {
    await pool.end();
    await server.stop();
  });
  beforeEach(() => pool.query("DROP SCHEMA IF EXISTS t CASCADE; CREATE SCHEMA t"));
  const rows = async (sql: string) => (await pool.query<object>(sql)).rows;
  const guard = () => postgresFence(pool);

  describe("a partitioned table", () => {
    beforeEach(async () => {
      await pool.query(
        "CREATE TABLE t.job (id int, state text, fence_token bigint) PARTITION BY LIST (state);" +
          "CREATE TABLE t.job_new PARTITION OF t.job FOR VALUES IN ('new');" +
          "CREATE TABLE t.job_done PARTITION OF t.job FOR VALUES IN ('done', 'archived')",
      );
      await guard().protect("t.job");
      await pool.query("INSERT INTO t.job VALUES (1, 'new', 5), (2, 'new', 5)");
    });

    test("lets a good UPDATE move a row, with the token named, or within run", async () => {
      await pool.query("UPDATE t.job SET state = 'done', fence_token = 6 WHERE id = 1");
      await guard().run("job 2", 7, (tx) => tx.query("UPDATE t.job SET state = 'done' WHERE id = 2"));
      await guard().run("job 2", 8, (tx) => tx.query("UPDATE t.job SET state = 'new', fence_token = 9 WHERE id = 2"));
      expect(await rows("SELECT * FROM t.job ORDER BY id")).toEqual([
        { id: 1, state: "done", fence_token: "6" },
        { id: 2, state: "new", fence_token: "9" },
      ]);
      await pool.query("UPDATE t.job SET state = 'archived', fence_token = 9");
      expect(await rows("SELECT count(*)::int AS n FROM t.job_done")).toEqual([{ n: 2 }]);
    });

    test("refuses a stale UPDATE that would move a row, and one that carries no token", async () => {
      for (const target of ["t.job", "t.job_new"]) {
        const move = pool.query(`UPDATE ${target} SET state = 'done', fence_token = 4 WHERE id = 1`);
        await expect(move).rejects.toThrow(/the token 4 is stale/);
      }
      await expect(pool.query("UPDATE t.job SET state = 'done' WHERE id = 1")).rejects.toThrow(
        /without a fencing token/,
      );
      const stale = guard().run("another", 4, (tx) => tx.query("UPDATE t.job SET state = 'done' WHERE id = 1"));
      await expect(stale).rejects.toMatchObject({ name: "StaleTokenError", token: 4, highest: 5 });
    });

    test("still refuses a DELETE without a token, also after an UPDATE in the same transaction", async () => {
      await expect(pool.query("DELETE FROM t.job WHERE id = 1")).rejects.toThrow(/DELETE .* without a fencing token/);
      const both = pool.query("BEGIN; UPDATE t.job SET fence_token = 6 WHERE id = 1; DELETE FROM t.job; COMMIT");
      await expect(both).rejects.toThrow(/DELETE .* without a fencing token/);
      await pool.query("ROLLBACK");
      expect(await rows("SELECT count(*)::int AS n FROM t.job")).toEqual([{ n: 2 }]);
    });
  });

  test("refuses a table from which unprotected ones inherit, at any depth, and takes it once they are protected", async () => {
    await pool.query(
      "CREATE TABLE t.parent (id int, fence_token bigint); CREATE TABLE t.child () INHERITS (t.parent);" +
        "CREATE TABLE t.grandchild () INHERITS (t.child)",
    );
    await expect(guard().protect("t.parent")).rejects.toThrow(/t\.child, t\.grandchild/);
    await expect(guard().protect("t.child")).rejects.toBeInstanceOf(InvalidArgumentError);
    await guard().protect("t.grandchild");
    await guard().protect("t.child");
    await guard().protect("t.parent");
    await pool.query("INSERT INTO t.grandchild VALUES (1, 5)");
    await expect(pool.query("UPDATE t.parent SET fence_token = 4")).rejects.toThrow(/is stale/);
  });

  test("compares with the operators of PostgreSQL, whatever the search path of the writer has first", async () => {
    await pool.query("CREATE TABLE t.job (id int, fence_token bigint); INSERT INTO t.job VALUES (1, 5)");
    await guard().protect("t.job");
    await pool.query(
      "CREATE FUNCTION t.never(bigint, bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';" +
        "CREATE OPERATOR t.< (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = t.never);" +
        "CREATE FUNCTION t.always(bigint, bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';" +
        "CREATE OPERATOR t.<= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = t.always);",
    );
    const odd = new pg.Pool({ connectionString: server.url, max: 1, options: "-c search_path=t,pg_catalog,public" });
    await expect(odd.query("UPDATE t.job SET fence_token = 4")).rejects.toThrow(/is stale/);
    const over = postgresFence(odd, { table: "public.zk_lock_fences" });
    await over.run("odd", 5, () => undefined);
    await expect(over.run("odd", 4, () => undefined)).rejects.toMatchObject({ name: "StaleTokenError" });
    const update = over.update({ table: "t.job", set: { id: 2 }, where: { id: 1 }, token: 4 });
    await expect(update).rejects.toMatchObject({ name: "StaleTokenError", highest: 5 });
    await odd.end();
  });

  test("takes no token from a setting of the session, which was left there for the next writer", async () => {
    await pool.query("CREATE TABLE t.job (id int, fence_token bigint); INSERT INTO t.job VALUES (1, 5)");
    await guard().protect("t.job");
    const one = new pg.Pool({ connectionString: server.url, max: 1 });
    await one.query("SET zk_lock_manager.token = '9'");
    await expect(one.query("UPDATE t.job SET id = 2")).rejects.toThrow(/without a fencing token/);
    await postgresFence(one).run("job", 6, (tx) => tx.query("UPDATE t.job SET id = 2"));
    expect(await rows("SELECT * FROM t.job")).toEqual([{ id: 2, fence_token: "6" }]);
    await expect(one.query("UPDATE t.job SET id = 3")).rejects.toThrow(/without a fencing token/);
    await one.end();
  });

  test("refuses a table with a trigger that would have the last word, and takes one with an earlier name", async () => {
    await pool.query(
      "CREATE TABLE t.job (id int, fence_token bigint);" +
        "CREATE FUNCTION t.back() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.fence_token := 0; RETURN NEW; END';" +
        "CREATE TRIGGER zz_touch BEFORE UPDATE ON t.job FOR EACH ROW EXECUTE FUNCTION t.back()",
    );
    await expect(guard().protect("t.job")).rejects.toThrow(/run after those of protect\(\).*zz_touch/);
    await pool.query("ALTER TRIGGER zz_touch ON t.job RENAME TO a_touch; INSERT INTO t.job VALUES (1, 5)");
    await guard().protect("t.job");
    await guard().protect("t.job");
    await expect(pool.query("UPDATE t.job SET fence_token = 6")).rejects.toThrow(/is stale|without/);
  });

  test("refuses what is no table", async () => {
    await pool.query("CREATE TABLE t.job (id int, fence_token bigint); CREATE VIEW t.jobs AS SELECT * FROM t.job");
    await expect(guard().protect("t.jobs")).rejects.toBeInstanceOf(InvalidArgumentError);
  });

  test("keeps the checks of two tables of one name apart", async () => {
    await pool.query("CREATE TABLE public.job (id int, fence_token bigint)");
    const pathed = new pg.Pool({ connectionString: server.url, max: 1, options: "-c search_path=t,public" });
    await postgresFence(pathed).protect("job");
    await pool.query("CREATE TABLE t.job (id int, other_token bigint)");
    await postgresFence(pool).protect("t.job", { column: "other_token" });
    await pool.query("INSERT INTO t.job VALUES (1, 5); INSERT INTO public.job VALUES (1, 5)");
    await expect(pool.query("UPDATE t.job SET other_token = 4")).rejects.toThrow(/is stale/);
    await expect(pool.query("UPDATE public.job SET fence_token = 4")).rejects.toThrow(/is stale/);
    await pathed.end();
    await pool.query("DROP TABLE public.job");
  });

  test("sees the rows of COPY, MERGE and a cascade of foreign keys", async () => {
    await pool.query(
      "CREATE TABLE t.job (id int PRIMARY KEY, fence_token bigint); CREATE TABLE t.owner (id int PRIMARY KEY);" +
        "ALTER TABLE t.job ADD owner int REFERENCES t.owner ON DELETE CASCADE;" +
        "INSERT INTO t.owner VALUES (1); INSERT INTO t.job VALUES (1, 5, 1)",
    );
    await guard().protect("t.job");
    await expect(pool.query("DELETE FROM t.owner")).rejects.toThrow(/without a fencing token/);
    const merge = (token: number) =>
      `MERGE INTO t.job USING (SELECT 1 AS id) s ON s.id = job.id WHEN MATCHED THEN UPDATE SET fence_token = ${token}`;
    await expect(pool.query(merge(4))).rejects.toThrow(/is stale/);
    await pool.query(merge(6));
    await expect(pool.query("COPY t.job (id) FROM PROGRAM 'echo 7'")).rejects.toThrow(/without a fencing token/);
    expect(await rows("SELECT * FROM t.job")).toEqual([{ id: 1, fence_token: "6", owner: 1 }]);
  });
});

describe("MariaDB", () => {
  let server: Awaited<ReturnType<typeof startMariadb>>;
  let pool: Pool;
  beforeAll(async () => {
    server = await startMariadb();
    pool = mysql.createPool({ uri: server.url, connectionLimit: 3 });
    await mysqlFence(pool).setup();
  }, 60_000);
  afterAll(async () => {
    await pool.end();
    await server.stop();
  });
  beforeEach(async () => {
    for (const table of ["job", "other"]) await pool.query(`DROP TABLE IF EXISTS ${table}`);
    await pool.query("CREATE TABLE job (id INT PRIMARY KEY, state VARCHAR(20), fence_token BIGINT) ENGINE = InnoDB");
    await pool.query("CREATE TABLE other (id INT PRIMARY KEY, token BIGINT) ENGINE = InnoDB");
    await mysqlFence(pool).protect("job");
    await pool.query("INSERT INTO job VALUES (1, 'new', 5)");
    await pool.query("INSERT INTO other VALUES (1, 4)");
  });
  const job = async () => (await pool.query<RowDataPacket[]>("SELECT state, fence_token FROM job"))[0];
  const untouched = [{ state: "new", fence_token: 5 }];

  test.each([
    "UPDATE job JOIN other USING (id) SET job.state = 'x', job.fence_token = other.token",
    "UPDATE other, job SET other.token = 3, job.fence_token = 4 WHERE other.id = job.id",
    "INSERT INTO job VALUES (1, 'x', 4) ON DUPLICATE KEY UPDATE state = 'x', fence_token = VALUES(fence_token)",
    "REPLACE INTO job VALUES (1, 'x', 9)",
    "REPLACE INTO job SELECT id, 'x', token FROM other",
    "DELETE job FROM job JOIN other USING (id)",
    "INSERT INTO job (id, state) SELECT 2, 'x'",
  ])("sees the rows of %s", async (sql) => {
    await expect(pool.query(sql)).rejects.toMatchObject({ errno: 1644 });
    expect(await job()).toEqual(untouched);
  });

  test.each([
    "UPDATE IGNORE job SET state = 'x', fence_token = 4",
    "INSERT IGNORE INTO job VALUES (2, 'x', NULL)",
    "DELETE IGNORE FROM job",
  ])("does not let %s in, whatever it answers", async (sql) => {
    await pool.query(sql).catch(() => undefined);
    expect(await job()).toEqual(untouched);
  });

  test("sees the rows of LOAD DATA", async () => {
    const directory = mkdtempSync(join(tmpdir(), "zk-lock-load-"));
    chmodSync(directory, 0o755);
    const file = join(directory, "rows");
    writeFileSync(file, "1\tx\t9\n2\ty\t\\N\n", { mode: 0o644 });
    for (const how of ["", "REPLACE"]) {
      await expect(pool.query(`LOAD DATA INFILE '${file}' ${how} INTO TABLE job`)).rejects.toThrow();
      expect(await job()).toEqual(untouched);
    }
    rmSync(directory, { recursive: true });
  });

  test("refuses a table with a trigger that has the last word, and takes one that precedes", async () => {
    await pool.query("CREATE TRIGGER touch BEFORE UPDATE ON job FOR EACH ROW SET NEW.fence_token = 0");
    await expect(mysqlFence(pool).protect("job")).rejects.toThrow(/run after those of protect\(\).*touch/);
    await mysqlFence(pool).unprotect("job");
    await mysqlFence(pool).protect("job");
    await expect(pool.query("UPDATE job SET fence_token = 9")).rejects.toThrow(/is stale/);
    expect(await job()).toEqual(untouched);
  });
});
