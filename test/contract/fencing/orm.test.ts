import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import Database from "better-sqlite3";
import { sql } from "drizzle-orm";
import { drizzle as drizzleSqlite } from "drizzle-orm/better-sqlite3";
import { drizzle as drizzleMysql } from "drizzle-orm/mysql2";
import { drizzle as drizzlePostgres } from "drizzle-orm/node-postgres";
import knex from "knex";
import mysql from "mysql2/promise";
import pg from "pg";
import { Sequelize } from "sequelize";
import { DataSource } from "typeorm";
import type { FencingToken } from "../../../src/fencing/fence-guard.js";
import { mysqlFence } from "../../../src/fencing/mysql/index.js";
import { postgresFence } from "../../../src/fencing/postgres/index.js";
import { sqliteFence } from "../../../src/fencing/sqlite/index.js";
import { startMariadb } from "../../helpers/databases/mariadb.js";
import { startPostgres } from "../../helpers/databases/postgres.js";

/** `guard.check` in the transactions of others, as docs/fencing.md shows it. */

interface Transaction {
  query(text: string): Promise<unknown>;
}

/** One way to open a transaction: `inside` runs with it, `outside` is what has none. */
interface Way {
  readonly outside: Transaction;
  transaction(inside: (tx: Transaction) => Promise<void>): Promise<unknown>;
  close(): Promise<unknown>;
}

const WAYS = ["Drizzle", "knex", "Sequelize", "TypeORM"] as const;

async function openWay(name: (typeof WAYS)[number], server: "pg" | "mysql", url: string): Promise<Way> {
  switch (name) {
    case "Drizzle":
      return server === "pg" ? overPostgres(url) : overMysql(url);
    case "knex": {
      const db = knex({ client: server === "pg" ? "pg" : "mysql2", connection: url });
      return {
        outside: { query: (text) => db.raw(text) },
        transaction: (inside) => db.transaction((trx) => inside({ query: (text) => trx.raw(text) })),
        close: () => db.destroy(),
      };
    }
    case "Sequelize": {
      const db = new Sequelize(url, { logging: false });
      return {
        outside: { query: (text) => db.query(text) },
        transaction: (inside) =>
          db.transaction((transaction) => inside({ query: (text) => db.query(text, { transaction }) })),
        close: () => db.close(),
      };
    }
    case "TypeORM": {
      const db = await new DataSource({ type: server === "pg" ? "postgres" : "mysql", url }).initialize();
      return { outside: db.manager, transaction: (inside) => db.transaction(inside), close: () => db.destroy() };
    }
  }
}

function overPostgres(url: string): Way {
  const pool = new pg.Pool({ connectionString: url });
  const db = drizzlePostgres(pool);
  return {
    outside: { query: (text) => db.execute(sql.raw(text)) },
    transaction: (inside) => db.transaction((tx) => inside({ query: (text) => tx.execute(sql.raw(text)) })),
    close: () => pool.end(),
  };
}

function overMysql(url: string): Way {
  const pool = mysql.createPool(url);
  const db = drizzleMysql(pool);
  return {
    outside: { query: (text) => db.execute(sql.raw(text)) },
    transaction: (inside) => db.transaction((tx) => inside({ query: (text) => tx.execute(sql.raw(text)) })),
    close: () => pool.end(),
  };
}

interface Checking {
  check(tx: Transaction, resource: string, token: FencingToken): Promise<void>;
  highest(resource: string): Promise<FencingToken | null>;
  protect(table: string): Promise<void>;
  refusalOf(error: unknown): unknown;
}

let postgres: Awaited<ReturnType<typeof startPostgres>>;
let mariadb: Awaited<ReturnType<typeof startMariadb>>;
let pool: pg.Pool;
let mysqlPool: mysql.Pool;
beforeAll(async () => {
  [postgres, mariadb] = await Promise.all([startPostgres(), startMariadb()]);
  pool = new pg.Pool({ connectionString: postgres.url });
  mysqlPool = mysql.createPool(mariadb.url);
  const table = "CREATE TABLE entry (text VARCHAR(40), fence_token BIGINT)";
  await Promise.all([pool.query(table), mysqlPool.query(`${table} ENGINE = InnoDB`)]);
  for (const guard of [postgresFence(pool), mysqlFence(mysqlPool)]) {
    await guard.setup();
    await guard.protect("entry");
  }
}, 60_000);
afterAll(async () => {
  await Promise.all([pool.end(), mysqlPool.end()]);
  await Promise.all([postgres.stop(), mariadb.stop()]);
});

describe.each(["pg", "mysql"] as const)("check over %s", (server) => {
  const guard = (): Checking => (server === "pg" ? postgresFence(pool) : mysqlFence(mysqlPool));
  const entries = async (of: string): Promise<unknown> => {
    const text = `SELECT count(*) AS n FROM entry WHERE text = '${of}'`;
    const rows = server === "pg" ? (await pool.query(text)).rows : (await mysqlPool.query(text))[0];
    return Number((rows as { n: unknown }[])[0]?.n);
  };

  test.each(WAYS)("raises the fence in a transaction of %s, and refuses a stale token there", async (name) => {
    const way = await openWay(name, server, server === "pg" ? postgres.url : mariadb.url);
    try {
      const write = (token: number) =>
        way.transaction(async (tx) => {
          await guard().check(tx, name, token);
          await tx.query(`INSERT INTO entry VALUES ('${name}', ${token})`);
        });
      await write(5);
      await write(5);
      await expect(write(4)).rejects.toMatchObject({ name: "StaleTokenError", token: 4, highest: 5 });
      const lost = way.transaction(async (tx) => {
        await guard().check(tx, name, 9);
        throw new Error("the application's own");
      });
      await expect(lost).rejects.toThrow("the application's own");
      expect(await guard().highest(name)).toBe(5);
      expect(await entries(name)).toBe(2);
    } finally {
      await way.close();
    }
  });

  test.each(WAYS)("refuses %s outside of a transaction, and knows a trigger's refusal in its error", async (name) => {
    const way = await openWay(name, server, server === "pg" ? postgres.url : mariadb.url);
    try {
      await expect(guard().check(way.outside, `${name} outside`, 5)).rejects.toMatchObject({
        name: "FenceTransactionError",
      });
      expect(await guard().highest(`${name} outside`)).toBeNull();
      await way.outside.query(`INSERT INTO entry VALUES ('${name} trigger', 7)`);
      const stale = way.outside.query(`UPDATE entry SET fence_token = 6 WHERE text = '${name} trigger'`);
      const error: unknown = await stale.catch((thrown: unknown) => thrown);
      expect(guard().refusalOf(error)).toMatchObject({ name: "StaleTokenError", token: 6, highest: 7 });
    } finally {
      await way.close();
    }
  });
});

test("check stands in a synchronous transaction of better-sqlite3, and of Drizzle over it", async () => {
  const connection = new Database(":memory:");
  connection.exec("CREATE TABLE entry (text TEXT)");
  const guard = sqliteFence(connection);
  await guard.setup();
  const db = drizzleSqlite(connection);
  const write = (token: number) =>
    db.transaction((tx) => {
      guard.check(connection, "r", token);
      tx.run(sql`INSERT INTO entry VALUES (${String(token)})`);
    });
  write(5);
  connection.transaction(() => guard.check(connection, "r", 6))();
  expect(() => write(5)).toThrow(expect.objectContaining({ name: "StaleTokenError", highest: 6 }));
  expect(await guard.highest("r")).toBe(6);
  expect(connection.prepare("SELECT text FROM entry").all()).toEqual([{ text: "5" }]);
  connection.close();
});
