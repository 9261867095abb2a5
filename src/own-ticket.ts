import { randomBytes } from "node:crypto";
import { type Deferred, deferred } from "./abort.js";
import { LockError, SessionLostError } from "./errors.js";
import { insist } from "./insist.js";
import { placeOf, queueOf } from "./ticket.js";
import type { QueueOptions } from "./ticket-queue.js";
import { ConnectionLossError, type Listing, type QueuePort } from "./zookeeper/port.js";

/** Random for each process, counted within it: what a ticket is found by when the reply to its creation was lost. */
const PROCESS_ID = randomBytes(8).toString("hex");
let ticketsTaken = 0;

/** How often a directory may be gone again as our ticket arrives, with a pause after each time, until we call it a fault. */
const MAX_TIMES_GONE = 100;

/**
 * A ticket of ours, from the first try to take it until it is gone for certain, whatever replies are lost in between: none is
 * taken twice, and none is left behind in a live session. (Apache Curator's protection: an id in the node's name.)
 */
export class OwnTicket {
  readonly id = `${PROCESS_ID}${(ticketsTaken++).toString(36)}`;
  #name: string | null = null;
  /** The taking goes on when nobody waits for it any more: what it took must be found and withdrawn. */
  #taking: Promise<unknown> = Promise.resolve();
  #withdrawal: Deferred<void> | null = null;
  readonly #endUse: () => void;

  constructor(
    private readonly port: QueuePort,
    private readonly options: QueueOptions,
  ) {
    this.#endUse = port.session.use();
  }

  /** Takes the ticket and looks at the queue. @throws as QueuePort, but never ConnectionLossError */
  take(): Promise<Listing> {
    const taking = this.#take();
    this.#taking = taking;
    return taking;
  }

  /**
   * Resolves when the ticket is gone, or when that is left to the background because the connection is down: it is then deleted
   * as soon as we are in touch again, or dies with the session. Never rejects.
   */
  withdraw(): Promise<void> {
    if (this.#withdrawal === null) {
      this.#withdrawal = deferred();
      void this.#withdraw(this.#withdrawal);
    }
    return this.#withdrawal.promise;
  }

  async #take(): Promise<Listing> {
    const { directory, pause } = this.options;
    for (let timesGone = 0; timesGone < MAX_TIMES_GONE;) {
      if (this.#withdrawal !== null) throw new LockError("Left the queue before entering it.");
      try {
        const listing = await this.#tryToTake();
        if (listing !== null) return listing;
        timesGone += 1;
        await pause();
      } catch (error) {
        if (!(error instanceof ConnectionLossError)) throw error;
        // The create may have happened: look before trying again.
        const found = await insist(() => this.#find(), this.port.session, pause);
        if (found !== null) return found;
      }
    }
    throw new LockError(
      `The directory ${directory} is gone again as often as we make it: somebody deletes it, or the servers disagree.`,
    );
  }

  /** Null: the directory was gone again as the ticket arrived. */
  async #tryToTake(): Promise<Listing | null> {
    const { directory, data, discipline } = this.options;
    const taken = await this.port.takeTicket(directory, discipline.ticketPrefix(this.id), data);
    if (taken === null) return null;
    this.#name = taken.name;
    return taken.listing;
  }

  /** The queue with our ticket in it, if there is one. */
  async #find(): Promise<Listing | null> {
    const { directory } = this.options;
    await this.port.session.linked();
    // The server that answers now may lag behind the one that took the create: what the quorum agreed on before it answers the
    // question in front of the listing, the listing shows.
    const [, listing] = await Promise.all([this.port.confirm(directory), this.port.list(directory)]);
    const name = placeOf(queueOf(listing?.children ?? []), this.id)?.ticket.name;
    if (listing === null || name === undefined) return null;
    const content = await this.port.read(`${directory}/${name}`);
    // An id can be copied by anybody who can write here; only what is our session's is ours.
    if (content?.owner !== this.port.session.id) return null;
    this.#name = name;
    return listing;
  }

  async #withdraw(handedOver: Deferred<void>): Promise<void> {
    const { session } = this.port;
    if (!session.isLinked) handedOver.resolve();
    session.once("disconnected", handedOver.resolve);
    for (let isGone = false; !isGone && !session.ended;) {
      try {
        // A known ticket goes at once: whoever acquires in the same turn queues up behind this delete.
        if (this.#name === null) await this.#taking.catch(() => undefined);
        if (this.#name !== null) await this.port.remove(`${this.options.directory}/${this.#name}`);
        isGone = true;
      } catch (error) {
        handedOver.resolve();
        if (!(error instanceof ConnectionLossError || error instanceof SessionLostError)) this.options.onStuck(error);
        await this.options.pause();
        await session.linked().catch(() => undefined);
      }
    }
    session.removeListener("disconnected", handedOver.resolve);
    this.#endUse();
    handedOver.resolve();
  }
}
