import { FenceBusyError } from "../errors.js";
import { leftOf } from "./busy-wait.js";
import type { BusyWait } from "./busy-wait.js";
import { refuseUsedUp } from "../open-run.js";

/** What the guards of the SQL servers ask of a pooled connection. */
interface Pooled {
  release(): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
}

/** Takes a connection, no later than the wait ends. One that comes later goes back to the pool at once. */
export async function borrow<Connection extends Pooled>(
  pool: object,
  limit: number,
  connect: () => Promise<Connection>,
  wait: BusyWait,
): Promise<Connection> {
  refuseUsedUp(pool, limit);
  let timer: NodeJS.Timeout | undefined;
  let late = false;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late = true;
      reject(usedUp(wait));
    }, leftOf(wait));
  });
  const connection = connect().then((connected) => {
    if (late) connected.release();
    return connected;
  });
  // Nobody hears of a connection that fails after the deadline.
  connection.catch(() => undefined);
  try {
    return await Promise.race([connection, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** A borrowed connection. It goes back once: by us, or by itself as soon as the server has ended it. */
export class Loan {
  readonly #connection: Pooled;
  readonly #close: (error: Error) => void;
  readonly #onLost: Array<() => void> = [];
  #returned = false;
  #lost: Error | undefined;

  /** `close` takes the connection out of its pool. */
  constructor(connection: Pooled, close: (error: Error) => void) {
    this.#connection = connection;
    this.#close = close;
    connection.on("error", this.#hear);
  }

  /** Why the connection is gone, where it is. */
  get lost(): Error | undefined {
    return this.#lost;
  }

  onLost(listener: () => void): void {
    this.#onLost.push(listener);
  }

  /** Gives the connection back; closes it where `broken` says why. */
  end(broken: Error | undefined): void {
    if (this.#returned) return;
    this.#returned = true;
    // A broken connection may emit again while it closes, so it keeps its listener.
    if (broken !== undefined) return this.#close(broken);
    this.#connection.removeListener("error", this.#hear);
    this.#connection.release();
  }

  /**
   * The server ends a connection that is idle for too long. Its body may be waiting for another connection of the same
   * pool at that time, so its place in the pool is made free at once.
   */
  readonly #hear = (error: Error): void => {
    if (this.#lost === undefined) {
      this.#lost = error;
      for (const listener of this.#onLost) listener();
    }
    this.end(error);
  };
}

function usedUp({ resource, waitTimeoutMs }: BusyWait): FenceBusyError {
  return new FenceBusyError(
    `No connection of the pool became free within ${waitTimeoutMs} ms. Nothing was written: try again, set a longer ` +
      "waitTimeoutMs, or a larger pool. Bodies that ask the pool for a second connection can use it up.",
    { resource },
  );
}
