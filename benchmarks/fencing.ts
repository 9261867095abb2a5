/**
 * What a fence guard costs beside the bare write, for each store: one writer, one row, the ways to write it taken in turns in
 * one run, against servers of our own on this machine that force each commit to disk. Prints medians and ratios.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { Redis } from "ioredis";
import mysql from "mysql2/promise";
import pg from "pg";
import { mysqlFence } from "../src/fencing/mysql/index.js";
import { postgresFence } from "../src/fencing/postgres/index.js";
import { redisFence } from "../src/fencing/redis/index.js";
import { sqliteFence } from "../src/fencing/sqlite/index.js";
import { startMariadb } from "../test/helpers/databases/mariadb.js";
import { startPostgres } from "../test/helpers/databases/postgres.js";
import { startRedis } from "../test/helpers/databases/redis.js";

const WARM_UP_MS = 500;
const MEASURED_MS = 3_000;

type Write = (round: number) => Promise<unknown>;

/** The ways to write one row, by name; the first is the bare write that the others are compared with. */
type Ways = Record<string, Write>;

const CREATE = "CREATE TABLE account (id INT PRIMARY KEY, balance INT, fence_token BIGINT)";
const CREATE_GUARDED = CREATE.replace("account", "guarded_account");

async function main(): Promise<void> {
  console.log(`Node ${process.version}; one writer, one row; ${MEASURED_MS} ms a store; commits forced to disk.\n`);
  console.log("| store | way | median | ratio | writes |\n|---|---|---:|---:|---:|");
  await sqlite();
  await postgres();
  await mariadb();
  await redis();
}

async function sqlite(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "zk-lock-bench-"));
  const db = new Database(join(directory, "bench.db"));
  try {
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    db.exec(`${CREATE}; INSERT INTO account VALUES (1, 0, 1)`);
    const guard = sqliteFence(db);
    await guard.setup();
    const bare = (n: number) => db.prepare("UPDATE account SET balance = ? WHERE id = 1").run(n);
    await compare("SQLite", {
      "bare write": (n) => Promise.resolve(bare(n)),
      "guard.run": (n) => guard.run("account 1", 1, () => bare(n)),
      "guard.update": (n) => guard.update({ table: "account", set: { balance: n }, where: { id: 1 }, token: 1 }),
    });
  } finally {
    db.close();
    rmSync(directory, { recursive: true });
  }
}

async function postgres(): Promise<void> {
  const server = await startPostgres({ durable: true });
  const pool = new pg.Pool({ connectionString: server.url, max: 1 });
  try {
    const guard = postgresFence(pool);
    await guard.setup();
    for (const table of [CREATE, CREATE_GUARDED]) await pool.query(table);
    for (const table of ["account", "guarded_account"]) await pool.query(`INSERT INTO ${table} VALUES (1, 0, 1)`);
    await guard.protect("guarded_account");
    const bare = "UPDATE account SET balance = $1, fence_token = 1 WHERE id = 1";
    await compare("PostgreSQL", {
      "bare write": (n) => pool.query(bare, [n]),
      "guard.run": (n) => guard.run("account 1", 1, (tx) => tx.query(bare, [n])),
      "guard.update": (n) => guard.update({ table: "account", set: { balance: n }, where: { id: 1 }, token: 1 }),
      "trigger alone": (n) => pool.query(bare.replace("account", "guarded_account"), [n]),
    });
  } finally {
    await pool.end();
    await server.stop();
  }
}

async function mariadb(): Promise<void> {
  const server = await startMariadb({ durable: true });
  const pool = mysql.createPool({ uri: server.url, connectionLimit: 1 });
  try {
    const guard = mysqlFence(pool);
    await guard.setup();
    for (const table of [CREATE, CREATE_GUARDED]) await pool.query(table);
    for (const table of ["account", "guarded_account"]) await pool.query(`INSERT INTO ${table} VALUES (1, 0, 1)`);
    await guard.protect("guarded_account");
    const bare = "UPDATE account SET balance = ?, fence_token = 1 WHERE id = 1";
    await compare("MariaDB", {
      "bare write": (n) => pool.execute(bare, [n]),
      "guard.run": (n) => guard.run("account 1", 1, (tx) => tx.execute(bare, [n])),
      "guard.update": (n) => guard.update({ table: "account", set: { balance: n }, where: { id: 1 }, token: 1 }),
      "trigger alone": (n) => pool.execute(bare.replace("account", "guarded_account"), [n]),
    });
  } finally {
    await pool.end();
    await server.stop();
  }
}

async function redis(): Promise<void> {
  const server = await startRedis({ durable: true });
  const client = new Redis(server.url);
  try {
    const guard = redisFence(client);
    await compare("Redis", {
      "bare write": (n) => client.set("account:1", n),
      "guard.run": (n) => guard.run("account 1", 1, (tx) => tx.call("SET", "account:1", n)),
    });
  } finally {
    client.disconnect();
    await server.stop();
  }
}

/**
 * Takes the ways in turns, one write each, so that whatever else the machine does falls on all of them alike; in a new order
 * each time, because what a write costs depends on what was written right before.
 */
async function compare(store: string, ways: Ways): Promise<void> {
  const times = Object.fromEntries(Object.keys(ways).map((way) => [way, [] as number[]]));
  const measureFrom = performance.now() + WARM_UP_MS;
  for (let round = 1; performance.now() < measureFrom + MEASURED_MS; round += 1) {
    for (const [way, write] of shuffled(Object.entries(ways))) {
      const began = performance.now();
      await write(round);
      if (began >= measureFrom) times[way]?.push(performance.now() - began);
    }
  }
  let bare: number | undefined;
  for (const [way, measured] of Object.entries(times)) {
    const median = medianOf(measured);
    bare ??= median;
    console.log(`| ${store} | ${way} | ${median.toFixed(2)} ms | ${(median / bare).toFixed(2)} | ${measured.length} |`);
  }
}

function shuffled<T>(items: T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function medianOf(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

await main();
