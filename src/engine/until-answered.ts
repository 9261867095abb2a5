import type { Session } from "./session.js";
import { ConnectionLossError } from "./queue-port.js";

/**
 * Asks again after each reconnect, as long as the session lives, until there is an answer.
 * @throws whatever `ask` throws but ConnectionLossError, and SessionLostError when the session has ended
 */
export async function insist<T>(ask: () => Promise<T>, session: Session, pause: () => Promise<void>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ConnectionLossError)) throw error;
      await pause();
      await session.linked();
    }
  }
}
