import Database from "better-sqlite3";
import { sqliteFence, type SqliteDatabase } from "../../../../src/fencing/sqlite/index.js";
import type { GuardOptions, Store } from "./store.js";

/** Either driver's connection, as far as the tests go. */
export interface SqliteConnection extends SqliteDatabase {
  prepare(sql: string): {
    run(...values: (string | number)[]): { changes: number | bigint };
    get(...values: (string | number)[]): unknown;
  };
  close(): unknown;
}

type Open = (file: string) => SqliteConnection;

interface NodeSqlite {
  DatabaseSync: new (file: string) => SqliteConnection;
}

/** Node's own driver, or null in a Node that is too old for it (before 22.5). */
export function nodeSqlite(): Open | null {
  const load = (process as unknown as { getBuiltinModule?: (name: string) => NodeSqlite | undefined }).getBuiltinModule;
  const module = load?.("node:sqlite");
  return module === undefined ? null : (file) => new module.DatabaseSync(file);
}

export const betterSqlite: Open = (file) => new Database(file);

export function openSqlite(file: string, open: Open = betterSqlite): Store<SqliteConnection> {
  const connections: SqliteConnection[] = [];
  const connect = (): SqliteConnection => {
    const db = open(file);
    db.exec("CREATE TABLE IF NOT EXISTS note (key TEXT PRIMARY KEY, value TEXT)");
    connections.push(db);
    return db;
  };
  const write = (db: SqliteConnection, key: string, value: string): Promise<void> => {
    db.prepare("INSERT INTO note VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value").run(key, value);
    return Promise.resolve();
  };
  const own = connect();
  return {
    locks: "store",
    stopped: "kept",
    hasTable: true,
    guard: ({ table, waitTimeoutMs }: GuardOptions = {}) =>
      sqliteFence(connect(), { ...(table && { table }), ...(waitTimeoutMs && { waitTimeoutMs }) }),
    write,
    read: (key) => {
      const row = own.prepare("SELECT value FROM note WHERE key = ?").get(key) as { value: string } | undefined;
      return Promise.resolve(row?.value ?? null);
    },
    bareWrite: (key, value) => write(own, key, value),
    cut: (db) => {
      db.close();
      return Promise.resolve();
    },
    waiting: () => Promise.resolve(true),
    close: () => {
      for (const db of connections) {
        try {
          db.close();
        } catch {
          // Node's driver refuses to close what `cut` has closed.
        }
      }
      return Promise.resolve();
    },
  };
}
