/** Compiled, never run: the real drivers fit what the guards ask of them, and bodies get the driver's own types. */
import type Database from "better-sqlite3";
import type { Cluster, Redis } from "ioredis";
import type callbackMysql from "mysql2";
import type mysql from "mysql2/promise";
import pg from "pg";
import { createClient, createClientPool, createCluster } from "redis";
import { memoryFence, type MemoryTransaction } from "../../src/fencing/memory.js";
import { mysqlFence } from "../../src/fencing/mysql/index.js";
import { postgresFence } from "../../src/fencing/postgres/index.js";
import { redisFence, type RedisTransaction } from "../../src/fencing/redis/index.js";
import { sqliteFence } from "../../src/fencing/sqlite/index.js";
import type { FenceGuard } from "../../src/fencing/fence-guard.js";

/** True only where each type fits the other; never for `any`, which would fit all. */
type Same<A, B> = 0 extends 1 & B ? false : [A, B] extends [B, A] ? true : false;
const exactly = <Expected>() => ({ is: <Actual>(value: Actual, verdict: Same<Expected, Actual>) => [value, verdict] });
const guardOf = <Tx>(...guards: FenceGuard<Tx>[]): FenceGuard<Tx>[] => guards;

export async function postgres(pool: pg.Pool): Promise<void> {
  const guard = postgresFence(pool, { table: "app.fences", idleTimeoutMs: 5_000, waitTimeoutMs: 9_000 });
  guardOf<pg.PoolClient>(guard);
  const rows = await guard.run("r", 1, async (tx) => {
    exactly<pg.PoolClient>().is(tx, true);
    return (await tx.query<{ id: number }>("SELECT 1 AS id")).rows;
  });
  exactly<{ id: number }[]>().is(rows, true);
  const { text, values } = guard.guardedUpdate({ table: "t", set: { a: 1 }, where: { id: 7n }, token: 1 });
  await pool.query(text, values);
  await pool.query(guard.guardedUpdate({ table: "t", set: { a: new Date() }, where: { id: null }, token: 1 }));
  await guard.check(await pool.connect(), "r", 1);
  await guard.check({ query: (text: string) => Promise.resolve({ rows: [text] }) }, "r", 1);
  // @ts-expect-error -- a function is no transaction
  await guard.check((text: string) => Promise.resolve(text), "r", 1);
  // @ts-expect-error -- a connection is not a pool: a run needs one of its own
  postgresFence(new pg.Client());
  // @ts-expect-error -- objects are no values of a guarded update
  guard.guardedUpdate({ table: "t", set: { a: {} }, where: { id: 1 }, token: 1 });
  // @ts-expect-error -- no such option
  postgresFence(pool, { lockTimeout: 1 });
}

export async function mariadb(pool: mysql.Pool, callbacks: callbackMysql.Pool): Promise<void> {
  const guard = mysqlFence(pool, { table: ["app", "fences"] });
  guardOf<mysql.PoolConnection>(guard);
  const rows = await guard.run("r", 1, async (tx) => {
    exactly<mysql.PoolConnection>().is(tx, true);
    return (await tx.execute<mysql.RowDataPacket[]>("SELECT ?", [1]))[0];
  });
  exactly<mysql.RowDataPacket[]>().is(rows, true);
  await guard.check(await pool.getConnection(), "r", 1);
  mysqlFence(callbacks.promise());
  // @ts-expect-error -- the callback API would never answer
  mysqlFence(callbacks);
}

/** Node's own driver, as far as it matters here; the types of Node 20 do not have it yet. */
type SqlInput = null | number | bigint | string | Uint8Array;
interface StatementSync {
  run(...values: SqlInput[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  run(
    named: Record<string, SqlInput>,
    ...values: SqlInput[]
  ): { changes: number | bigint; lastInsertRowid: number | bigint };
  get(...values: SqlInput[]): Record<string, unknown> | undefined;
  get(named: Record<string, SqlInput>, ...values: SqlInput[]): Record<string, unknown> | undefined;
}
interface DatabaseSync {
  readonly isTransaction: boolean;
  exec(sql: string): void;
  prepare(sql: string): StatementSync;
}

export async function sqlite(db: Database.Database, nodes: DatabaseSync): Promise<void> {
  guardOf<Database.Database>(sqliteFence(db));
  guardOf<DatabaseSync>(sqliteFence(nodes, { waitTimeoutMs: 1 }));
  const changes = await sqliteFence(db).run("r", 1, (tx) => {
    exactly<Database.Database>().is(tx, true);
    return tx.prepare("UPDATE t SET a = 1").run().changes;
  });
  exactly<number>().is(changes, true);
  sqliteFence(db).check(db, "r", 1);
  // @ts-expect-error -- SQLite has no way to end an idle transaction
  sqliteFence(db, { idleTimeoutMs: 1 });
}

export async function redis(ioredis: Redis, cluster: Cluster): Promise<void> {
  for (const client of [ioredis, cluster, createClient(), createClientPool(), createCluster({ rootNodes: [] })]) {
    const guard = redisFence(client, { hashTag: (resource) => resource });
    guardOf<RedisTransaction>(guard);
    const replies = await guard.run("r", 1, (tx) => tx.call("SET", "k", Buffer.from("v")).call("INCR", "n"));
    exactly<unknown[]>().is(replies, true);
    const typed = await guard.run<[string, number]>("r", 1, (tx) => void tx.call("SET", "k", 1).call("INCR", "n"));
    exactly<[string, number]>().is(typed, true);
  }
  // @ts-expect-error -- not a client
  redisFence({});
}

export async function memory(): Promise<void> {
  const guard = memoryFence();
  guardOf<MemoryTransaction>(guard);
  const result = await guard.run("r", 1, (tx) => tx.get("k"));
  exactly<unknown>().is(result, true);
}
