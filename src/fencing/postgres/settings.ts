/**
 * A session's own statement_timeout is not for the wait for a fence, which has waitTimeoutMs. So it is put aside in a
 * setting of the transaction, and is back before the next statement. All of it is over with the transaction.
 */
export const SAVE_STATEMENT_TIMEOUT = `${save("statement_timeout")}; SET LOCAL statement_timeout = 0`;
export const RESTORE_STATEMENT_TIMEOUT = restored("statement_timeout");

/** The same for both timeouts, as one SELECT; `waitTimeoutMs` is the lock_timeout until they are restored. */
export function putTimeoutsAside(waitTimeoutMs: number): string {
  const kept = ["statement_timeout", "lock_timeout"].map(keep);
  const set = [setting("statement_timeout", "'0'"), setting("lock_timeout", `'${waitTimeoutMs}'`)];
  return `SELECT ${[...kept, ...set].join(", ")}`;
}
export const RESTORE_TIMEOUTS = ["statement_timeout", "lock_timeout"].map(restored);

function save(name: string): string {
  return `SELECT ${keep(name)}`;
}

function keep(name: string): string {
  return setting(`zk_lock_manager.${name}`, `pg_catalog.current_setting('${name}')`);
}

function restored(name: string): string {
  return setting(name, `pg_catalog.current_setting('zk_lock_manager.${name}')`);
}

function setting(name: string, value: string): string {
  return `pg_catalog.set_config('${name}', ${value}, true)`;
}
