import { attachSuppressed, cleanUp } from "../clean-up.js";
import { FenceTransactionError } from "../errors.js";
import type { PostgresClient, PostgresPool } from "./pool.js";

/**
 * Borrows a connection for `action`. It goes back to the pool where the action ended well or could be rolled back, and is
 * closed otherwise.
 */
export async function withConnection<Client extends PostgresClient, T>(
  pool: PostgresPool<Client>,
  action: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  // A connection that the server ends between two statements emits an error, which would end the process if unheard. The
  // statement after it fails anyway, so there is nothing to do here.
  const ignore = (): void => undefined;
  client.on("error", ignore);
  let broken: Error | undefined;
  try {
    return await action(client);
  } catch (error) {
    broken = await cleanUp(() => client.query("ROLLBACK"));
    attachSuppressed(error, broken);
    throw error;
  } finally {
    // A broken connection may emit again while it closes, so it keeps its listener.
    if (broken === undefined) client.removeListener("error", ignore);
    client.release(broken);
  }
}

/** Commits. PostgreSQL answers the COMMIT of a failed transaction with a ROLLBACK, and calls it a success. */
export async function commit(client: PostgresClient): Promise<void> {
  const { command } = await client.query("COMMIT");
  if (command === "COMMIT") return;
  throw new FenceTransactionError(
    "PostgreSQL rolled the transaction back at COMMIT, because a statement in it had failed: let the body pass on the " +
      "errors of its statements, or use a savepoint.",
  );
}
