import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { FenceTransactionError, StaleTokenError, postgresFence } from "../../../src/fencing/postgres/index.js";
import { InvalidArgumentError } from "../../../src/errors.js";
import { startPostgres } from "../../helpers/databases/postgres.js";
import { until } from "../../helpers/until.js";
import { openPostgres } from "./stores/postgres.js";
import { fenceContract } from "./contract.js";
import { protectContract } from "./protect-contract.js";

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

fenceContract(
  "postgresFence",
  () => openPostgres(server.url),
  () => ({ kind: "postgres", url: server.url }),
);

describe("postgresFence", () => {
  test("resolves with what the body gave", async () => {
    const guard = postgresFence(pool);
    const rows = await guard.run("result", 1, async (tx) => (await tx.query<{ one: number }>("SELECT 1 AS one")).rows);
    expect(rows).toEqual([{ one: 1 }]);
  });

  test("returns every connection, whatever became of the run", async () => {
    const small = new pg.Pool({ connectionString: server.url, max: 1 });
    const guard = postgresFence(small);
    await guard.run("returned", 5, () => undefined);
    await expect(guard.run("returned", 4, () => undefined)).rejects.toBeInstanceOf(StaleTokenError);
    await expect(guard.run("returned", 6, (tx) => tx.query("no SQL"))).rejects.toMatchObject({ code: "42601" });
    expect([small.totalCount, small.idleCount]).toEqual([1, 1]);
    const lost = guard.run("returned", 6, async (tx) => {
      await tx.query("SELECT pg_terminate_backend(pg_backend_pid())");
    });
    const error: unknown = await lost.catch((thrown: unknown) => thrown);
    expect(error).toHaveProperty("suppressed");
    expect(small.totalCount).toBe(0);
    expect(await guard.run("returned", 6, () => "a new connection")).toBe("a new connection");
    await small.end();
  });

  test("closes a connection whose rollback does not end", async () => {
    const small = new pg.Pool({ connectionString: server.url, max: 1 }).on("error", () => undefined);
    const stuck = postgresFence(small).run("stuck", 1, (tx) => {
      tx.query("SELECT pg_sleep(60)").catch(() => undefined);
      throw new Error("the body's own");
    });
    const error: unknown = await stuck.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: "the body's own", suppressed: { message: /did not end/ } });
    expect(small.totalCount).toBe(0);
    await small.end();
  });

  test("is set up even where somebody else creates the table at that very moment", async () => {
    const table = "made_meanwhile";
    const guard = postgresFence(pool, { table });
    const other = new pg.Client({ connectionString: server.url });
    await other.connect();
    await other.query(`BEGIN; CREATE TABLE ${table} (resource text PRIMARY KEY, token bigint NOT NULL)`);
    const setup = guard.setup();
    const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    await until(async () => (await other.query(waiting)).rowCount, { what: "setup to collide" });
    await other.query("COMMIT");
    await setup;
    await guard.run("r", 1, () => undefined);
    await other.end();
  });

  test("leaves the settings of the session as they were", async () => {
    const one = new pg.Pool({ connectionString: server.url, max: 1 });
    const show = async () =>
      (
        await one.query(
          "SELECT current_setting('lock_timeout') AS a, current_setting('idle_in_transaction_session_timeout') AS b, " +
            "current_setting('tcp_user_timeout') AS c, coalesce(current_setting('zk_lock_manager.token', true), '') AS d",
        )
      ).rows as unknown;
    const before = await show();
    await postgresFence(one).run("settings", 1, () => undefined);
    expect(await show()).toEqual(before);
    await one.end();
  });

  test.each(["repeatable read", "serializable"])(
    "keeps its contract where the default isolation is %s",
    async (level) => {
      const strict = new pg.Pool({
        connectionString: server.url,
        options: `-c default_transaction_isolation=${level.replace(" ", "\\ ")}`,
      });
      const guard = postgresFence(strict);
      await pool.query("CREATE TABLE IF NOT EXISTS counter (n int); TRUNCATE counter; INSERT INTO counter VALUES (0)");
      const add = (token: number) =>
        guard.run(`isolation ${level}`, token, async (tx) => {
          const { rows } = await tx.query<{ n: number }>("SELECT n FROM counter");
          await tx.query("UPDATE counter SET n = $1", [rows[0]!.n + 1]);
        });
      await Promise.all(Array.from({ length: 10 }, () => add(1)));
      expect((await pool.query("SELECT n FROM counter")).rows).toEqual([{ n: 10 }]);
      await strict.end();
    },
  );

  test("does not call a rolled-back transaction a success when the body swallowed an error", async () => {
    const guard = postgresFence(pool);
    const swallowing = guard.run("swallowed", 1, (tx) => tx.query("no SQL").catch(() => "never mind"));
    await expect(swallowing).rejects.toBeInstanceOf(FenceTransactionError);
    expect(await guard.highest("swallowed")).toBeNull();
  });

  test("is not held up by a process that stopped reading a long answer", async () => {
    // The server is busy sending then, not idle: only the socket's own timeout ends it.
    const own = new pg.Pool({ connectionString: server.url, max: 1 }).on("error", () => undefined);
    const guard = postgresFence(own, { idleTimeoutMs: 1_000 });
    const stuck = guard.run("long answer", 1, async (tx) => {
      const { stream } = (tx as unknown as { connection: { stream: { pause(): void; destroy(): void } } }).connection;
      const answer = tx.query("SELECT repeat('x', 200000000)");
      answer.catch(() => undefined);
      stream.pause();
      await postgresFence(pool).run("long answer", 2, () => undefined);
      stream.destroy();
      await answer;
    });
    await expect(stuck).rejects.toThrow();
    expect(await guard.highest("long answer")).toBe(2);
    await own.end();
  });

  test("sets up for a role that may not create tables, once somebody else did", async () => {
    await pool.query("CREATE ROLE plain LOGIN; GRANT SELECT, INSERT, UPDATE ON zk_lock_fences TO plain");
    const plain = new pg.Pool({ connectionString: server.url.replace("tester", "plain"), max: 1 });
    const guard = postgresFence(plain);
    await guard.setup();
    await guard.run("plain", 1, () => undefined);
    expect(await guard.highest("plain")).toBe(1);
    await plain.end();
  });

  test.each([
    ["a schema's", "fence schema.fences"],
    ["a name of quotes, dots and SQL", ['fence" schema', 'x"; DROP TABLE zk_lock_fences; --.y'] as const],
    ["a mixed-case name", "Fences"],
  ])("keeps its table under %s", async (_, table) => {
    const guard = postgresFence(pool, { table });
    const schema = Array.isArray(table) ? 'fence" schema' : "fence schema";
    await pool.query(`CREATE SCHEMA IF NOT EXISTS "${schema.replace('"', '""')}"`);
    await guard.setup();
    await guard.run("named", 3, () => undefined);
    await expect(guard.run("named", 2, () => undefined)).rejects.toBeInstanceOf(StaleTokenError);
    expect(await postgresFence(pool).highest("named")).toBeNull();
  });

  test("refuses table names that the database would change", () => {
    for (const table of [
      "",
      "a.b.c",
      "a.",
      ".b",
      "x".repeat(64),
      "ü".repeat(32),
      "a\0b",
      ["a", "b", "c"] as never,
      [] as never,
    ]) {
      expect(() => postgresFence(pool, { table })).toThrow(InvalidArgumentError);
    }
    for (const bad of [0, -1, 1.5, Number.NaN, 2 ** 31]) {
      expect(() => postgresFence(pool, { idleTimeoutMs: bad })).toThrow(InvalidArgumentError);
      expect(() => postgresFence(pool, { waitTimeoutMs: bad })).toThrow(InvalidArgumentError);
    }
  });
});

protectContract("postgresFence", async () => {
  await pool.query('CREATE SCHEMA IF NOT EXISTS "side schema"');
  return {
    guard: postgresFence(pool),
    other: () => postgresFence(pool),
    sql: (text) => pool.query(text),
    inside: (tx: pg.PoolClient, text) => tx.query(text),
    rows: async (text) => (await pool.query<object>(text)).rows,
    upserts: (token) => [
      `INSERT INTO job VALUES (1, 'upserted', ${token}) ON CONFLICT (id) ` +
        "DO UPDATE SET state = excluded.state, fence_token = excluded.fence_token",
    ],
    schema: "side schema",
    seesNamedColumns: true,
  };
});
