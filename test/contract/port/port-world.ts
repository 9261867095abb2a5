import type { QueuePort } from "../../../src/engine/queue-port.js";

/** A port on a session of its own, and what can befall it. */
export interface Party {
  readonly port: QueuePort;
  /** The service ends the session, as where nothing is heard of it. */
  expire(): Promise<void>;
  /**
   * The next `enter` of this party, in a queue that somebody stands in, is carried out, and its answer lost together
   * with the connection, which then comes back by itself.
   */
  loseEntry(): Promise<void>;
}

/** An engine that is put through the contract. */
export interface PortWorld {
  /** @param life how many tickets a queue gives out until it is past its end, where the engine's queues have one */
  party(options?: { life?: number }): Promise<Party>;
  /** The root of all queues. */
  readonly root: string;
  /** Whether queues come to an end, and begin anew. */
  readonly wearsOut: boolean;
}
