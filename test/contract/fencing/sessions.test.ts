import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import Database from "better-sqlite3";
import { Redis } from "ioredis";
import mysql from "mysql2/promise";
import type { Pool, PoolOptions, RowDataPacket } from "mysql2/promise";
import pg from "pg";
import { InvalidArgumentError } from "../../../src/errors.js";
import { mysqlFence } from "../../../src/fencing/mysql/index.js";
import { postgresFence } from "../../../src/fencing/postgres/index.js";
import { redisFence } from "../../../src/fencing/redis/index.js";
import { sqliteFence } from "../../../src/fencing/sqlite/index.js";
import { startMariadb } from "../../helpers/databases/mariadb.js";
import { startPostgres } from "../../helpers/databases/postgres.js";
import { startRedis } from "../../helpers/databases/redis.js";
import { until } from "../../helpers/until.js";
import { gate } from "./gate.js";

/** Sessions with settings of their own: the guards are right in them, or refuse with an error of theirs. */

const READ_ONLY = { name: "FenceSetupError", message: expect.stringMatching(/read-only/) as unknown };

describe("PostgreSQL", () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let pool: pg.Pool;
  const closing: pg.Pool[] = [];
  const session = (settings: Record<string, string>): pg.Pool => {
    const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value.replaceAll(" ", "\\ ")}`);
    const made = new pg.Pool({ connectionString: server.url, max: 4, options: options.join(" ") });
    closing.push(made);
    return made;
  };
  beforeAll(async () => {
    server = await startPostgres();
    pool = session({});
    await postgresFence(pool).setup();
    await pool.query("CREATE TABLE job (id int, state text, fence_token bigint); INSERT INTO job VALUES (1, 'new', 1)");
  }, 60_000);
  afterAll(async () => {
    await Promise.all(closing.map((one) => one.end()));
    await server.stop();
  });
  const update = (state: string, token: number) => ({ table: "job", set: { state }, where: { id: 1 }, token });

  test.each([{ statement_timeout: "300" }, { lock_timeout: "300" }])(
    "waits for a fence as long as it was told, where the session has %j, which is in force again in the body",
    async (settings) => {
      const [inside, mayEnd] = [gate(), gate()];
      const resource = JSON.stringify(settings);
      const first = postgresFence(pool).run(resource, 1, async () => {
        inside.open();
        await mayEnd.passed;
      });
      await inside.passed;
      const impatient = session(settings);
      const busy = postgresFence(impatient, { waitTimeoutMs: 600 }).run(resource, 2, () => undefined);
      await expect(busy).rejects.toMatchObject({ name: "FenceBusyError" });
      const second = postgresFence(impatient).run(resource, 2, async (tx) => {
        const { rows } = await tx.query("SELECT current_setting('statement_timeout') AS statement_timeout");
        expect(rows).toEqual([{ statement_timeout: settings.statement_timeout === undefined ? "0" : "300ms" }]);
      });
      await new Promise((resolve) => setTimeout(resolve, 500));
      mayEnd.open();
      await Promise.all([first, second]);
      expect(await postgresFence(pool).highest(resource)).toBe(2);
    },
  );

  test("tells an update or a protect that the session's timeouts ended that it was busy", async () => {
    const holder = await pool.connect();
    await holder.query("BEGIN; UPDATE job SET state = 'held'");
    for (const settings of [{ statement_timeout: "200" }, { lock_timeout: "200" }]) {
      const call = postgresFence(session(settings)).update(update("x", 9));
      await expect(call).rejects.toMatchObject({ name: "FenceBusyError" });
    }
    const protect = postgresFence(session({ statement_timeout: "100" }), { waitTimeoutMs: 300 }).protect("job");
    await expect(protect).rejects.toMatchObject({ name: "FenceBusyError" });
    await holder.query("ROLLBACK");
    holder.release();
  });

  test.each(["repeatable read", "serializable"])(
    "updates a row that others write, where the default is %s",
    async (level) => {
      const strict = postgresFence(session({ default_transaction_isolation: level }));
      await pool.query("UPDATE job SET fence_token = 1");
      const writers = [2, 3, 4, 5, 6, 7, 8, 9].map((token) => strict.update(update(level, token)));
      const holder = await pool.connect();
      await holder.query("BEGIN; UPDATE job SET state = 'held', fence_token = 1");
      const late = strict.update(update("after the other", 9));
      await until(
        async () => (await pool.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).rowCount,
        {
          what: "the update to wait",
        },
      );
      await holder.query("COMMIT");
      holder.release();
      expect(await late).toBe(1);
      for (const outcome of await Promise.allSettled(writers)) {
        if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ name: "StaleTokenError" });
      }
      expect((await pool.query("SELECT fence_token FROM job")).rows).toEqual([{ fence_token: "9" }]);
    },
  );

  test("writes where transactions are read-only by default, and says so where it may not", async () => {
    const readOnly = session({ default_transaction_read_only: "on" });
    const guard = postgresFence(readOnly, { table: "made_read_only" });
    await guard.setup();
    await guard.run("read-only", 5, () => undefined);
    expect(await guard.highest("read-only")).toBe(5);
    await guard.protect("job");
    await guard.unprotect("job");
    await expect(guard.update(update("x", 9))).rejects.toMatchObject(READ_ONLY);
    const client = await readOnly.connect();
    await client.query("BEGIN");
    await expect(guard.check(client, "read-only", 6)).rejects.toMatchObject(READ_ONLY);
    await client.query("ROLLBACK");
    client.release();
  });
});

describe("MariaDB", () => {
  let server: Awaited<ReturnType<typeof startMariadb>>;
  let pool: Pool;
  const closing: Pool[] = [];
  const session = (sql?: string, options: PoolOptions = {}): Pool => {
    const made = mysql.createPool({ uri: server.url, connectionLimit: 2, ...options });
    if (sql !== undefined) made.on("connection", (connection) => void connection.query(sql));
    closing.push(made);
    return made;
  };
  beforeAll(async () => {
    server = await startMariadb();
    pool = session();
    await mysqlFence(pool).setup();
    await pool.query("CREATE TABLE job (id INT PRIMARY KEY, state VARCHAR(40), fence_token BIGINT) ENGINE = InnoDB");
    await pool.query("INSERT INTO job VALUES (1, 'new', 1)");
  }, 60_000);
  afterAll(async () => {
    await Promise.all(closing.map((one) => one.end()));
    await server.stop();
  });
  const rows = async (sql: string, on = pool) => (await on.query<RowDataPacket[]>(sql))[0];
  const update = (state: string, token: number) => ({ table: "job", set: { state }, where: { id: 1 }, token });

  test("commits, and sees what others commit, where autocommit is off, and leaves it off", async () => {
    const off = session("SET SESSION autocommit = 0", { connectionLimit: 1 });
    const guard = mysqlFence(off, { table: "made_without_autocommit" });
    await guard.setup();
    expect(await guard.update(update("committed", 5))).toBe(1);
    expect(await rows("SELECT state, fence_token FROM job")).toEqual([{ state: "committed", fence_token: 5 }]);
    await expect(guard.update(update("stale", 4))).rejects.toMatchObject({ name: "StaleTokenError", highest: 5 });
    expect(await guard.highest("r")).toBeNull();
    await mysqlFence(pool, { table: "made_without_autocommit" }).run("r", 6, () => undefined);
    expect(await guard.highest("r")).toBe(6);
    await guard.run("r", 7, (tx) => tx.query("UPDATE job SET state = 'in a body'"));
    expect(await rows("SELECT state FROM job")).toEqual([{ state: "in a body" }]);
    await guard.protect("job");
    await guard.unprotect("job");
    expect(await rows("SELECT @@autocommit AS a", off)).toEqual([{ a: 0 }]);
    expect(await mysqlFence(pool, { table: "made_without_autocommit" }).highest("r")).toBe(7);
  });

  test.each(["SET SESSION completion_type = 'CHAIN'", "SET SESSION completion_type = 'RELEASE'"])(
    "ends its transactions, and keeps its connections, after %s",
    async (sql) => {
      const chained = session(sql, { connectionLimit: 1 });
      const guard = mysqlFence(chained);
      const id = await rows("SELECT CONNECTION_ID() AS id", chained);
      await guard.run(sql, 5, () => undefined);
      await expect(guard.run(sql, 4, () => undefined)).rejects.toMatchObject({ name: "StaleTokenError" });
      expect(await rows("SELECT @@in_transaction AS open", chained)).toEqual([{ open: 0 }]);
      expect(await rows("SELECT CONNECTION_ID() AS id", chained)).toEqual(id);
      expect(await mysqlFence(pool).highest(sql)).toBe(5);
    },
  );

  test("counts the rows that an update matched, whatever the connection counts, in any language", async () => {
    for (const sql of [undefined, "SET SESSION lc_messages = 'ja_JP'"]) {
      const guard = mysqlFence(session(sql, { flags: ["-FOUND_ROWS"], connectionLimit: 1 }));
      expect(await guard.update(update("same", 8))).toBe(1);
      expect(await guard.update(update("same", 8))).toBe(1);
      expect(await guard.update({ ...update("same", 8), where: { id: 2 } })).toBe(0);
      await expect(guard.update(update("same", 7))).rejects.toMatchObject({ name: "StaleTokenError" });
    }
  });

  test("writes where transactions are read-only by default, and says so where it may not", async () => {
    const readOnly = session("SET SESSION TRANSACTION READ ONLY", { connectionLimit: 1 });
    const guard = mysqlFence(readOnly);
    await guard.run("read-only", 5, () => undefined);
    expect(await guard.highest("read-only")).toBe(5);
    await expect(guard.update(update("x", 9))).rejects.toMatchObject(READ_ONLY);
    await expect(guard.setup()).rejects.toMatchObject(READ_ONLY);
    await pool.query("CREATE USER reader");
    await pool.query("GRANT SELECT, INSERT, UPDATE ON test.* TO reader");
    await pool.query("SET GLOBAL read_only = 1");
    const reader = mysqlFence(session(undefined, { uri: server.url.replace("root", "reader") }));
    await expect(reader.run("replica", 5, () => undefined)).rejects.toMatchObject(READ_ONLY);
    await expect(reader.update(update("x", 9))).rejects.toMatchObject(READ_ONLY);
    await pool.query("SET GLOBAL read_only = 0");
  });

  test.each(["SET SESSION max_statement_time = 0.3", "SET SESSION innodb_lock_wait_timeout = 1"])(
    "is busy, and no more, where the session has set %s",
    async (sql) => {
      const [inside, mayEnd] = [gate(), gate()];
      const first = mysqlFence(pool).run(sql, 1, async (tx) => {
        await tx.query("UPDATE job SET state = 'held'");
        inside.open();
        await mayEnd.passed;
      });
      await inside.passed;
      const hurried = mysqlFence(session(sql), { waitTimeoutMs: 1_000 });
      await expect(hurried.run(sql, 2, () => undefined)).rejects.toMatchObject({ name: "FenceBusyError" });
      await expect(hurried.update(update("x", 9))).rejects.toMatchObject({ name: "FenceBusyError" });
      mayEnd.open();
      await first;
      expect(await hurried.highest(sql)).toBe(1);
    },
  );

  test("updates a row that others write, with snapshots that must be fresh", async () => {
    const strict = mysqlFence(
      session("SET SESSION innodb_snapshot_isolation = ON, SESSION tx_isolation = 'REPEATABLE-READ'"),
    );
    await pool.query("UPDATE job SET fence_token = 1");
    const outcomes = await Promise.allSettled(
      [2, 3, 4, 5, 6, 7, 8, 9].map((token) => strict.update(update("x", token))),
    );
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ name: "StaleTokenError" });
    }
    expect(await rows("SELECT fence_token FROM job")).toEqual([{ fence_token: 9 }]);
  });
});

describe("Redis", () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  beforeAll(async () => {
    server = await startRedis();
  }, 60_000);
  afterAll(() => server.stop());

  test("refuses a client whose keyPrefix would give the fence another name than the keys", async () => {
    const prefixed = new Redis(server.url, { keyPrefix: "app:" });
    expect(() => redisFence(prefixed)).toThrow(InvalidArgumentError);
    const plain = prefixed.duplicate({ keyPrefix: "" });
    const guard = redisFence(plain, { prefix: "app:zk-lock-fence:" });
    await guard.run("r", 5, (tx) => tx.call("SET", "app:key", 1));
    expect(await prefixed.mget("zk-lock-fence:r", "key")).toEqual(["5", "1"]);
    prefixed.disconnect();
    plain.disconnect();
  });

  test("says so when the client only queues the run in somebody's MULTI", async () => {
    const client = new Redis(server.url);
    await client.multi({ pipeline: false });
    const run = redisFence(client).run("queued", 5, () => undefined);
    await expect(run).rejects.toMatchObject({ name: "FenceTransactionError", resource: "queued" });
    await client.discard();
    expect(await redisFence(client).highest("queued")).toBeNull();
    const pipeline = client.pipeline();
    const lost = redisFence(pipeline as never).run("queued", 5, () => undefined);
    await expect(lost).rejects.toMatchObject({ name: "FenceTransactionError" });
    client.disconnect();
  });

  test("says so when it may only read", async () => {
    const [client, other] = [new Redis(server.url), await startRedis()];
    await client.replicaof("127.0.0.1", other.port);
    await expect(redisFence(client).run("replica", 5, () => undefined)).rejects.toMatchObject(READ_ONLY);
    client.disconnect();
    await other.stop();
  });
});

describe("SQLite", () => {
  const directory = mkdtempSync(join(tmpdir(), "zk-lock-sqlite-"));
  chmodSync(directory, 0o755);
  afterAll(() => rmSync(directory, { recursive: true }));

  test("says so when it may only read", async () => {
    const file = join(directory, "read-only");
    const writer = new Database(file);
    writer.exec("CREATE TABLE job (id INTEGER, fence_token INTEGER)");
    await sqliteFence(writer).setup();
    await sqliteFence(writer).run("r", 5, () => undefined);
    const queryOnly = new Database(file);
    queryOnly.pragma("query_only = 1");
    for (const db of [queryOnly, new Database(file, { readonly: true })]) {
      const guard = sqliteFence(db);
      await expect(guard.run("r", 6, () => undefined)).rejects.toMatchObject(READ_ONLY);
      const update = { table: "job", set: { id: 1 }, where: { id: 1 }, token: 6 };
      await expect(guard.update(update)).rejects.toMatchObject(READ_ONLY);
      expect(await guard.highest("r")).toBe(5);
      expect(db.inTransaction).toBe(false);
      db.close();
    }
    writer.close();
  });

  test("reads tokens exactly where the connection hands out bigints", async () => {
    const db = new Database(":memory:").defaultSafeIntegers();
    const guard = sqliteFence(db);
    await guard.setup();
    await guard.run("r", Number.MAX_SAFE_INTEGER, () => undefined);
    expect(await guard.highest("r")).toBe(Number.MAX_SAFE_INTEGER);
    db.close();
  });
});
