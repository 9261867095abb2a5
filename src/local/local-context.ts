import type { Clock } from "../common/clock.js";
import type { Paced } from "../common/paced.js";
import type { QueuePort } from "../engine/queue-port.js";

/** What the queues of one manager share. */
export interface LocalContext {
  readonly clock: Clock;
  /** For what may have to be done for very many at once. */
  readonly paced: Paced;
  /** The session there is, or the next one, if one is coming. @throws SessionLostError, or the signal's reason */
  port(signal: AbortSignal): Promise<QueuePort>;
  /** Work that must be done before the manager is closed; it never rejects. */
  background(work: Promise<unknown>): void;
}
