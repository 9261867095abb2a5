import type { Clock } from "../common/clock.js";
import type { Target } from "./target.js";
import type { Withdrawals } from "./withdrawals.js";

/** What it takes to stand in the queue of a resource. */
export interface QueueOptions extends Target {
  /** Whose it is: the same object for all queues of one manager. */
  readonly manager: object;
  /** Written into the ticket, for others to read. */
  readonly data: Buffer;
  readonly clock: Clock;
  /** A short rest before something is tried again. */
  readonly pause: () => Promise<void>;
  /** Those of the whole manager. */
  readonly withdrawals: Withdrawals;
  /** A ticket that cannot be withdrawn, for a reason that is not the connection. */
  readonly onStuck: (error: unknown) => void;
}
