import mysql from "mysql2/promise";
import type { Pool, PoolConnection, RowDataPacket } from "mysql2/promise";
import { mysqlFence } from "../../../../src/fencing/mysql/index.js";
import { until } from "../../../helpers/until.js";
import type { GuardOptions, Store } from "./store.js";

const UPSERT = "INSERT INTO note VALUES (?, ?) ON DUPLICATE KEY UPDATE value = VALUES(value)";

export async function openMysql(url: string): Promise<Store<PoolConnection>> {
  const pools: Pool[] = [];
  const pool = (connectionLimit: number): Pool => {
    const made = mysql.createPool({ uri: url, connectionLimit });
    pools.push(made);
    return made;
  };
  const own = pool(2);
  await own.query(
    "CREATE TABLE IF NOT EXISTS note (`key` VARBINARY(200) PRIMARY KEY, value TEXT) CHARACTER SET utf8mb4",
  );
  return {
    locks: "fence",
    stopped: "taken back",
    hasTable: true,
    guard: (options: GuardOptions = {}) => mysqlFence(pool(4), options),
    write: async (tx, key, value) => {
      await tx.execute(UPSERT, [key, value]);
    },
    read: async (key) => {
      const [rows] = await own.execute<RowDataPacket[]>("SELECT value FROM note WHERE `key` = ?", [key]);
      return (rows[0]?.["value"] as string | undefined) ?? null;
    },
    bareWrite: async (key, value) => {
      await own.execute(UPSERT, [key, value]);
    },
    cut: (tx) => killConnection(own, tx.threadId),
    waiting: async () => {
      // Not INNODB_TRX, which is a cache that is not renewed as long as it is asked often.
      const [rows] = await own.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'");
      return Number(rows[0]?.["Value"]) > 0;
    },
    close: async () => {
      await Promise.all(pools.map((one) => one.end()));
    },
  };
}

/** Ends a connection from outside, and waits until it is gone: KILL itself only asks for it. */
export async function killConnection(pool: Pool, threadId: number): Promise<void> {
  await pool.query(`KILL ${threadId}`);
  const gone = async () => {
    const [rows] = await pool.query<RowDataPacket[]>(
      `SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = ${threadId}`,
    );
    return rows.length === 0;
  };
  await until(gone, { what: "the killed connection to go" });
}
