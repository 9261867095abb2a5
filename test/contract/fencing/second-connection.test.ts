import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import Database from "better-sqlite3";
import { Redis } from "ioredis";
import mysql from "mysql2/promise";
import type { Pool, PoolConnection } from "mysql2/promise";
import pg from "pg";
import type { FenceGuard } from "../../../src/fencing/fence-guard.js";
import { memoryFence } from "../../../src/fencing/memory.js";
import { mysqlFence } from "../../../src/fencing/mysql/index.js";
import { postgresFence } from "../../../src/fencing/postgres/index.js";
import { redisFence } from "../../../src/fencing/redis/index.js";
import { sqliteFence } from "../../../src/fencing/sqlite/index.js";
import { startMariadb } from "../../helpers/databases/mariadb.js";
import { startPostgres } from "../../helpers/databases/postgres.js";
import { startRedis } from "../../helpers/databases/redis.js";
import { gate } from "./gate.js";

/** Bodies that need a second connection, or call the guard again. */

const closing: { (): unknown }[] = [];
let postgresUrl: string;
let mysqlUrl: string;
let redisUrl: string;
beforeAll(async () => {
  const [postgres, mariadb, redis] = await Promise.all([startPostgres(), startMariadb(), startRedis()]);
  for (const server of [postgres, mariadb, redis]) closing.push(() => server.stop());
  [postgresUrl, mysqlUrl, redisUrl] = [postgres.url, mariadb.url, redis.url];
  await postgresFence(postgresPool(1)).setup();
  await mysqlFence(mysqlPool(1)).setup();
}, 60_000);
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

function postgresPool(max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString: postgresUrl, max }).on("error", () => undefined);
  closing.push(() => pool.end());
  return pool;
}

function mysqlPool(connectionLimit: number): Pool {
  const pool = mysql.createPool({ uri: mysqlUrl, connectionLimit });
  closing.push(() => pool.end());
  return pool;
}

const guards: Record<string, () => FenceGuard<unknown>> = {
  PostgreSQL: () => postgresFence(postgresPool(4)),
  MariaDB: () => mysqlFence(mysqlPool(4)),
  SQLite: () => sqliteFence(new Database(":memory:")),
  Redis: () => {
    const client = new Redis(redisUrl);
    closing.push(() => client.disconnect());
    return redisFence(client);
  },
  memory: () => memoryFence(),
};

const NESTED = { name: "FenceTransactionError", message: expect.stringMatching(/within the body of/) as unknown };

describe.each(Object.entries(guards))("a run within the body of a run, with %s", (name, make) => {
  test("is refused at once for the same resource, and the outer one may go on", async () => {
    const guard = make();
    await guard.setup();
    const began = performance.now();
    await guard.run("nested", 5, async () => {
      await Promise.resolve();
      await expect(guard.run("nested", 6, () => "inner")).rejects.toMatchObject(NESTED);
    });
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(await guard.highest("nested")).toBe(5);
    await guard.run("nested", 6, () => undefined);
    expect(await guard.highest("nested")).toBe(6);
  });

  test("is not refused after the outer one has ended, though it was begun in its body", async () => {
    const guard = make();
    await guard.setup();
    const [mayGo, late] = [gate(), [] as Promise<unknown>[]];
    await guard.run("later", 5, () => {
      late.push(mayGo.passed.then(() => guard.run("later", 6, () => undefined)));
    });
    mayGo.open();
    await late[0];
    expect(await guard.highest("later")).toBe(6);
  });

  if (name === "SQLite") {
    test("is refused at once for another resource too, as is each other call: there is one connection", async () => {
      const guard = make();
      await guard.setup();
      await guard.run("one", 5, async () => {
        await expect(guard.run("another", 5, () => undefined)).rejects.toMatchObject(NESTED);
        await expect(guard.highest("one")).rejects.toMatchObject(NESTED);
        await expect(guard.setup()).rejects.toMatchObject(NESTED);
      });
      expect(await guard.highest("one")).toBe(5);
    });
  } else {
    test("runs for another resource", async () => {
      const guard = make();
      await guard.setup();
      await guard.run("one", 5, async () => {
        await guard.run("another", 6, () => undefined);
      });
      expect([await guard.highest("one"), await guard.highest("another")]).toEqual([5, 6]);
    });
  }
});

interface Times {
  waitTimeoutMs?: number;
  idleTimeoutMs?: number;
}

/** A guard over a pool of so many connections, and a question of the application's to that pool. */
type OverPool = (max: number, times?: Times) => { guard: FenceGuard<unknown>; ask: () => Promise<unknown> };

const overPostgres: OverPool = (max, times) => {
  const pool = postgresPool(max);
  return { guard: postgresFence(pool, times), ask: () => pool.query("SELECT 1") };
};

const overMysql: OverPool = (max, times) => {
  const pool = mysqlPool(max);
  return { guard: mysqlFence(pool, times), ask: () => pool.query("SELECT 1") };
};

describe.each([["PostgreSQL", overPostgres] as const, ["MariaDB", overMysql] as const])(
  "a pool that is used up, with %s",
  (name, make) => {
    test("tells a body at once that its own runs have all connections", async () => {
      const { guard } = make(2);
      const began = performance.now();
      await guard.run("first of two", 5, () =>
        guard.run("second of two", 5, async () => {
          await expect(guard.run("third of two", 5, () => undefined)).rejects.toMatchObject(NESTED);
          await expect(guard.highest("third of two")).rejects.toMatchObject(NESTED);
        }),
      );
      expect(performance.now() - began).toBeLessThan(5_000);
      expect(await guard.highest("third of two")).toBeNull();
    });

    test("keeps nobody waiting for a connection longer than waitTimeoutMs, and loses none", async () => {
      const { guard, ask } = make(1, { waitTimeoutMs: 300 });
      const [inside, mayEnd] = [gate(), gate()];
      const first = guard.run("holds the one", 5, async () => {
        inside.open();
        await mayEnd.passed;
      });
      await inside.passed;
      const began = performance.now();
      const update = { table: "nowhere", set: { a: 1 }, where: { a: 1 }, token: 1 };
      for (const call of [
        guard.run("waits", 5, () => undefined),
        guard.highest("waits"),
        guard.setup(),
        (guard as unknown as { update(one: object): Promise<number> }).update(update),
      ]) {
        await expect(call).rejects.toMatchObject({
          name: "FenceBusyError",
          message: expect.stringMatching(/No connection of the pool/) as unknown,
        });
      }
      expect(performance.now() - began).toBeLessThan(3_000);
      mayEnd.open();
      await first;
      await guard.run("waits", 5, () => undefined);
      await ask();
    });

    test("is free again as soon as the server has ended the bodies that wait for it", async () => {
      const { guard, ask } = make(3, { idleTimeoutMs: 1_000, waitTimeoutMs: 20_000 });
      const all = gate();
      let inside = 0;
      const runs = [1, 2, 3].map((n) =>
        guard.run(`waits for the pool ${n}`, 5, async () => {
          inside += 1;
          if (inside === 3) all.open();
          await all.passed;
          await ask();
        }),
      );
      const outcomes = await Promise.allSettled(runs);
      const failed = outcomes.filter((outcome) => outcome.status === "rejected");
      expect(failed.length).toBeGreaterThanOrEqual(1);
      for (const { reason } of failed) {
        expect(reason).toMatchObject({
          name: "FenceTransactionError",
          message: expect.stringMatching(/connection was lost/) as unknown,
        });
      }
      for (const n of [1, 2, 3]) {
        const committed = outcomes[n - 1]!.status === "fulfilled";
        expect(await guard.highest(`waits for the pool ${n}`)).toBe(committed ? 5 : null);
      }
      await Promise.all([ask(), ask(), ask()]);
    });

    test("does not commit a run whose outer run was ended by the server meanwhile", async () => {
      const { guard: outer } = make(1, { idleTimeoutMs: 1_000 });
      const { guard: inner } = make(1);
      const sleep = name === "MariaDB" ? "SELECT SLEEP(3)" : "SELECT pg_sleep(3)";
      let nested: Promise<unknown> | undefined;
      const run = outer.run("outer half", 5, async () => {
        nested = inner.run("inner half", 5, (tx) => (tx as PoolConnection).query(sleep));
        await nested;
      });
      await expect(run).rejects.toMatchObject({ name: "FenceTransactionError" });
      await expect(nested).rejects.toMatchObject({
        name: "FenceTransactionError",
        message: expect.stringMatching(/by halves/) as unknown,
      });
      expect([await outer.highest("outer half"), await inner.highest("inner half")]).toEqual([null, null]);
    });
  },
);
