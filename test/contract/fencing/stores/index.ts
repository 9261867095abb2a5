import { openMysql } from "./mysql.js";
import { openPostgres } from "./postgres.js";
import { connectIoredis, connectNodeRedis, openRedis } from "./redis.js";
import { nodeSqlite, openSqlite } from "./sqlite.js";
import type { Store, StoreAddress } from "./store.js";

/** Opens a store whose transactions nobody looks into: for workers, which write through the store itself. */
export async function openStore({ kind, url }: StoreAddress): Promise<Store<unknown>> {
  switch (kind) {
    case "better-sqlite3":
      return openSqlite(url);
    case "node:sqlite": {
      const open = nodeSqlite();
      if (open === null) throw new Error("This Node has no node:sqlite.");
      return openSqlite(url, open);
    }
    case "postgres":
      return await openPostgres(url);
    case "mysql":
      return await openMysql(url);
    case "ioredis":
      return await openRedis(url, connectIoredis, 1);
    case "node-redis":
      return await openRedis(url, connectNodeRedis, 1);
  }
}
