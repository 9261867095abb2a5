import { setTimeout as sleep } from "node:timers/promises";
import type { BusyWait } from "../sql/busy-wait.js";
import { busyFence } from "../errors.js";
import { Turns } from "../turns.js";
import { isBusy, value } from "./database.js";
import type { SqliteDatabase } from "./database.js";

const FIRST_RETRY_MS = 1;
const LONGEST_RETRY_MS = 50;

/** The turns on each connection: all guards over one connection share its one transaction. */
const turnsOf = new WeakMap<SqliteDatabase, Turns>();

export function turnsOn(db: SqliteDatabase): Turns {
  let turns = turnsOf.get(db);
  if (turns === undefined) turnsOf.set(db, (turns = new Turns()));
  return turns;
}

/**
 * Executes `sql` and tries again while another connection holds the file's write lock; FenceBusyError at the deadline.
 * SQLite's own busy timeout would sleep inside the call and stop the event loop, and with it the heartbeats of the very
 * lock that we hold. So it is switched off for this statement, and we wait between the attempts.
 */
export async function execWhenFree(db: SqliteDatabase, sql: string, wait: BusyWait): Promise<void> {
  for (let delayMs = FIRST_RETRY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_RETRY_MS)) {
    try {
      withoutBusyTimeout(db, () => db.exec(sql));
      return;
    } catch (error) {
      if (!isBusy(error)) throw error;
      const leftMs = wait.deadlineMs - performance.now();
      if (leftMs <= 0) throw busyFence(wait.resource, wait.waitTimeoutMs, error);
      await sleep(Math.min(delayMs, leftMs));
    }
  }
}

function withoutBusyTimeout(db: SqliteDatabase, action: () => unknown): void {
  const usualMs = Number(value(db, "PRAGMA busy_timeout"));
  setBusyTimeout(db, 0);
  try {
    action();
  } finally {
    setBusyTimeout(db, usualMs);
  }
}

function setBusyTimeout(db: SqliteDatabase, timeoutMs: number): void {
  // The pragma answers with a row, which `run` would refuse.
  value(db, `PRAGMA busy_timeout = ${timeoutMs}`);
}
