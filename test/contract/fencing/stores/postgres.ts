import pg from "pg";
import { postgresFence } from "../../../../src/fencing/postgres/index.js";
import type { GuardOptions, Store } from "./store.js";

const UPSERT = "INSERT INTO note VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";

export async function openPostgres(url: string): Promise<Store<pg.PoolClient>> {
  const pools: pg.Pool[] = [];
  const pool = (max: number): pg.Pool => {
    const made = new pg.Pool({ connectionString: url, max });
    made.on("error", () => undefined);
    pools.push(made);
    return made;
  };
  const own = pool(2);
  await own.query(
    "SELECT pg_advisory_lock(1); CREATE TABLE IF NOT EXISTS note (key text PRIMARY KEY, value text); SELECT pg_advisory_unlock(1)",
  );
  return {
    locks: "fence",
    stopped: "taken back",
    hasTable: true,
    guard: (options: GuardOptions = {}) => postgresFence(pool(4), options),
    write: async (tx, key, value) => {
      await tx.query(UPSERT, [key, value]);
    },
    read: async (key) => {
      const { rows } = await own.query<{ value: string }>("SELECT value FROM note WHERE key = $1", [key]);
      return rows[0]?.value ?? null;
    },
    bareWrite: async (key, value) => {
      await own.query(UPSERT, [key, value]);
    },
    cut: async (tx) => {
      const { rows } = await tx.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      await own.query("SELECT pg_terminate_backend($1, 5000)", [rows[0]?.pid]);
    },
    waiting: async () => {
      const { rows } = await own.query<{ n: number }>(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
      );
      return Number(rows[0]?.n) > 0;
    },
    close: async () => {
      await Promise.all(pools.map((one) => one.end()));
    },
  };
}
