import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import callbackMysql from "mysql2";
import mysql from "mysql2/promise";
import type { Pool, PoolConnection, RowDataPacket } from "mysql2/promise";
import { InvalidArgumentError } from "../../../src/errors.js";
import { StaleTokenError, mysqlFence } from "../../../src/fencing/mysql/index.js";
import { startMariadb } from "../../helpers/databases/mariadb.js";
import { fenceContract } from "./contract.js";
import { protectContract } from "./protect-contract.js";
import { until } from "../../helpers/until.js";
import { gate } from "./gate.js";
import { killConnection, openMysql } from "./stores/mysql.js";

let server: Awaited<ReturnType<typeof startMariadb>>;
let pool: Pool;
const closing: Pool[] = [];
beforeAll(async () => {
  server = await startMariadb();
  pool = mysql.createPool({ uri: server.url, connectionLimit: 3 });
  await mysqlFence(pool).setup();
}, 60_000);
afterAll(async () => {
  await Promise.all([pool, ...closing].map((one) => one.end()));
  await server.stop();
});

fenceContract(
  "mysqlFence",
  () => openMysql(server.url),
  () => ({ kind: "mysql", url: server.url }),
);

describe("mysqlFence", () => {
  test("resolves with what the body gave", async () => {
    const rows = await mysqlFence(pool).run("result", 1, async (tx) => (await tx.query("SELECT 1 AS one"))[0]);
    expect(rows).toEqual([{ one: 1 }]);
  });

  test("gives the connection back with its own settings, whatever became of the run", async () => {
    const one = mysql.createPool({ uri: server.url, connectionLimit: 1 });
    const guard = mysqlFence(one, { idleTimeoutMs: 2_000, waitTimeoutMs: 3_000 });
    const settings = async () =>
      (
        await one.query<RowDataPacket[]>(
          "SELECT connection_id() AS id, @@wait_timeout AS a, @@innodb_lock_wait_timeout AS b, @@net_read_timeout AS c, " +
            "@@net_write_timeout AS d, @zk_lock_manager_token AS e",
        )
      )[0];
    await one.query("SET SESSION wait_timeout = 1111, SESSION innodb_lock_wait_timeout = 22");
    const before = await settings();
    await guard.run("settings", 5, async (tx) => {
      const [rows] = await tx.query<RowDataPacket[]>("SELECT @@wait_timeout AS a, @@innodb_lock_wait_timeout AS b");
      expect(rows).toEqual([{ a: 2, b: 3 }]);
    });
    expect(await settings()).toEqual(before);
    await expect(guard.run("settings", 4, () => undefined)).rejects.toBeInstanceOf(StaleTokenError);
    expect(await settings()).toEqual(before);
    await expect(guard.run("settings", 6, (tx) => tx.query("no SQL"))).rejects.toMatchObject({ errno: 1064 });
    expect(await settings()).toEqual(before);
    await one.end();
  });

  test("closes a connection that broke, and hangs the failed rollback on the error", async () => {
    const one = mysql.createPool({ uri: server.url, connectionLimit: 1 });
    const guard = mysqlFence(one);
    const broken = guard.run("broken", 6, async (tx) => {
      await killConnection(pool, tx.threadId);
      throw new Error("the body's own");
    });
    const error: unknown = await broken.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: "the body's own", suppressed: expect.any(Error) });
    expect(await guard.run("broken", 6, () => "a new connection")).toBe("a new connection");
    await one.end();
  });

  test("closes a connection whose rollback does not end", async () => {
    const one = mysql.createPool({ uri: server.url, connectionLimit: 1 });
    const guard = mysqlFence(one);
    const stuck = guard.run("stuck", 1, (tx) => {
      tx.query("SELECT SLEEP(60)").catch(() => undefined);
      throw new Error("the body's own");
    });
    const error: unknown = await stuck.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: "the body's own", suppressed: { message: /did not end/ } });
    expect(await guard.run("another", 1, () => "a new connection")).toBe("a new connection");
    await one.end();
  });

  test("lets waiters in when the first user of a resource takes its row back", async () => {
    const [inside, mayEnd] = [gate(), gate()];
    const guard = mysqlFence(pool);
    const wide = mysql.createPool({ uri: server.url, connectionLimit: 8 });
    const first = guard.run("taken back", 9, async () => {
      inside.open();
      await mayEnd.passed;
      throw new Error("never mind");
    });
    first.catch(() => undefined);
    await inside.passed;
    const waiters = Array.from({ length: 8 }, () => mysqlFence(wide).run("taken back", 1, () => "in"));
    const waiting = async () => {
      const [rows] = await pool.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'");
      return Number(rows[0]?.["Value"]) === 8;
    };
    await until(waiting, { what: "all of them to wait" });
    mayEnd.open();
    expect(await Promise.all(waiters)).toEqual(Array.from({ length: 8 }, () => "in"));
    await expect(first).rejects.toThrow("never mind");
    await wide.end();
  });

  test.each(["READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])(
    "lets each body see all that was committed before its turn, at %s",
    async (level) => {
      const levelled = mysql.createPool({ uri: server.url, connectionLimit: 4 });
      levelled.on(
        "connection",
        (connection) => void connection.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${level}`),
      );
      const guard = mysqlFence(levelled);
      await pool.query("CREATE TABLE IF NOT EXISTS counter (n INT) ENGINE = InnoDB");
      await pool.query("DELETE FROM counter");
      await pool.query("INSERT INTO counter VALUES (0)");
      const add = () =>
        guard.run(`isolation ${level}`, 1, async (tx) => {
          const [rows] = await tx.query<RowDataPacket[]>("SELECT n FROM counter");
          await tx.query(`UPDATE counter SET n = ${Number(rows[0]?.["n"]) + 1}`);
        });
      await Promise.all(Array.from({ length: 12 }, add));
      expect((await pool.query("SELECT n FROM counter"))[0]).toEqual([{ n: 12 }]);
      await levelled.end();
    },
  );

  test("reads tokens exactly, however the pool is set to hand out rows and large numbers", async () => {
    for (const options of [
      { rowsAsArray: true },
      { supportBigNumbers: true, bigNumberStrings: true },
      { decimalNumbers: true },
    ]) {
      const odd = mysql.createPool({ uri: server.url, connectionLimit: 1, ...options });
      const guard = mysqlFence(odd);
      await guard.run("rows", Number.MAX_SAFE_INTEGER, () => undefined);
      expect(await guard.highest("rows")).toBe(Number.MAX_SAFE_INTEGER);
      await odd.end();
    }
  });

  test("is not held up by a process that stopped reading a long answer", async () => {
    const own = mysql.createPool({ uri: server.url, connectionLimit: 1 });
    const guard = mysqlFence(own, { idleTimeoutMs: 1_000 });
    const stuck = guard.run("long answer", 1, async (tx) => {
      const { stream } = tx.connection as unknown as { stream: { pause(): void; destroy(): void } };
      const answer = tx.query("SELECT REPEAT('x', 10000000) FROM seq_1_to_30");
      answer.catch(() => undefined);
      stream.pause();
      await mysqlFence(pool).run("long answer", 2, () => undefined);
      stream.destroy();
      await answer;
    });
    await expect(stuck).rejects.toThrow();
    expect(await guard.highest("long answer")).toBe(2);
    await own.end();
  });

  test.each([
    ["another database", "other base.fences"],
    ["a name of quotes, dots and SQL", ["other base", "x`; DROP TABLE zk_lock_fences; --.y"] as const],
  ])("keeps its table under %s", async (_, table) => {
    await pool.query("CREATE DATABASE IF NOT EXISTS `other base`");
    const guard = mysqlFence(pool, { table });
    await guard.setup();
    await guard.run("named", 3, () => undefined);
    await expect(guard.run("named", 2, () => undefined)).rejects.toBeInstanceOf(StaleTokenError);
    expect(await mysqlFence(pool).highest("named")).toBeNull();
  });

  test("refuses names that the database would not take, and the pool of the callback API", () => {
    expect(() => mysqlFence(pool, { table: "x".repeat(65) })).toThrow(InvalidArgumentError);
    const callbacks = callbackMysql.createPool({ uri: server.url });
    expect(() => mysqlFence(callbacks as unknown as Pool)).toThrow(/pool\.promise\(\)/);
    callbacks.end();
  });
});

protectContract("mysqlFence", async () => {
  await pool.query("CREATE DATABASE IF NOT EXISTS `side schema`");
  // The suite writes names in double quotes, as the standard has it; and BIGINT as text, as PostgreSQL's driver does.
  const plain = mysql.createPool({
    uri: server.url,
    connectionLimit: 3,
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
  closing.push(plain);
  plain.on(
    "connection",
    (connection) => void connection.query("SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'"),
  );
  return {
    guard: mysqlFence(pool),
    other: () => mysqlFence(plain),
    sql: (text) => plain.query(text),
    inside: (tx: PoolConnection, text) => tx.query(text),
    rows: async (text) => (await plain.query<RowDataPacket[]>(text))[0],
    upserts: (token) => [
      `INSERT INTO job VALUES (1, 'upserted', ${token}) ON DUPLICATE KEY UPDATE state = 'upserted', fence_token = ${token}`,
      `REPLACE INTO job VALUES (1, 'upserted', ${token})`,
    ],
    schema: "side schema",
    seesNamedColumns: false,
  };
});
