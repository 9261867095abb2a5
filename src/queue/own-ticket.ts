import { randomBytes } from "node:crypto";
import { type Deferred, deferred } from "../common/abort.js";
import type { Clock } from "../common/clock.js";
import { AccessDeniedError, LockError, SessionLostError } from "../errors.js";
import { insist } from "../engine/until-answered.js";
import type { Session } from "../engine/session.js";
import type { Listing } from "../engine/ticket.js";
import type { QueueOptions } from "./queue-options.js";
import { ConnectionLossError, type Entry, type QueuePort } from "../engine/queue-port.js";

/** Random for each process, counted within it: what a ticket is found by when the reply to its creation was lost. */
const PROCESS_ID = randomBytes(8).toString("hex");
let ticketsTaken = 0;

/** How often what holds the queue may be gone again as our ticket arrives, with a pause after each time, until we call it a fault. */
const MAX_TIMES_GONE = 100;

/** Between two tries to delete what the server refuses to delete: rights that were taken away may be given back. */
const FIRST_REST_MS = 50;
const LONGEST_REST_MS = 5_000;

/**
 * A ticket of ours, from the first try to take it until it is gone for certain, whatever replies are lost in between: none is
 * taken twice, and none is left behind in a live session.
 */
export class OwnTicket {
  readonly id = `${PROCESS_ID}${(ticketsTaken++).toString(36)}`;
  #ref: string | null = null;
  /** A create was sent and its reply lost, and it has not been found out yet what came of it. */
  #isLost = false;
  /** The taking goes on when nobody waits for it any more: what it took must be found and withdrawn. */
  #taking: Promise<unknown> = Promise.resolve();
  #withdrawal: Deferred<void> | null = null;
  readonly #entry: Entry;
  readonly #endUse: () => void;

  /** @throws SessionFullError */
  constructor(
    private readonly port: QueuePort,
    private readonly options: QueueOptions,
  ) {
    this.#entry = { id: this.id, kind: options.discipline.kind, data: options.data };
    this.#endUse = port.reserve(options.directory, this.#entry);
  }

  /** Takes the ticket and looks at the queue. @throws as QueuePort, but never ConnectionLossError */
  take(): Promise<Listing> {
    const taking = this.#take();
    this.#taking = taking;
    return taking;
  }

  /**
   * Resolves when the ticket is gone, or when that is left to the background, because we are out of touch or the server refuses:
   * it is then deleted as soon as may be, or dies with the session. Where it is refused for want of rights, a session of our own
   * is ended over it, for the ticket would stand in everybody's way as long as the session lives. Never rejects.
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
        if (!(error instanceof ConnectionLossError)) {
          // The ticket may be there all the same: a refused caller has none when it hears of the refusal.
          if (this.#ref !== null) await this.withdraw();
          throw error;
        }
        // The create may have happened: look before trying again.
        this.#isLost = true;
        const found = await insist(() => this.#resume(), this.port.session, pause);
        this.#isLost = false;
        if (found !== null) return found;
      }
    }
    throw new LockError(
      `The directory ${directory} is gone again as often as we make it: somebody deletes it, or the servers disagree.`,
    );
  }

  /** Null: what holds the queue was gone again as the ticket arrived. */
  async #tryToTake(): Promise<Listing | null> {
    this.#ref = null;
    return this.port.enter(this.options.directory, this.#entry, (ref) => (this.#ref = ref));
  }

  /** The queue with our ticket in it, if there is one. */
  async #resume(): Promise<Listing | null> {
    const resumed = await this.port.resume(this.options.directory, this.id);
    if (resumed === null) return null;
    this.#ref = resumed.own.ref;
    return resumed.listing;
  }

  async #withdraw(handedOver: Deferred<void>): Promise<void> {
    const { session } = this.port;
    if (session.state !== "connected") handedOver.resolve();
    session.once("disconnected", handedOver.resolve);
    let restMs = FIRST_REST_MS;
    for (let isGone = false; !isGone && !session.ended;) {
      try {
        await this.#delete();
        isGone = true;
      } catch (error) {
        if (error instanceof ConnectionLossError || error instanceof SessionLostError) {
          handedOver.resolve();
          await this.options.pause();
        } else if (!(await this.#endSession(error))) {
          this.#complain(error);
          handedOver.resolve();
          await rest(restMs, this.options.clock, session);
          restMs = Math.min(restMs * 2, LONGEST_REST_MS);
        }
        await session.linked().catch(() => undefined);
      }
    }
    session.removeListener("disconnected", handedOver.resolve);
    this.options.withdrawals.deleted(this.id, this.options.directory);
    this.#endUse();
    handedOver.resolve();
  }

  async #delete(): Promise<void> {
    // A known ticket goes at once: whoever acquires in the same turn queues up behind this delete.
    if (this.#ref === null) await this.#taking.catch(() => undefined);
    if (this.#ref !== null || this.#isLost) await this.port.leave(this.options.directory, this.id, this.#ref);
  }

  /** Where it is for want of rights that the ticket cannot go, and the session is ours to end. */
  async #endSession(refusal: unknown): Promise<boolean> {
    if (!(refusal instanceof AccessDeniedError)) return false;
    const { resource, directory } = this.options;
    const message = `This session may not delete its own ticket in ${directory}, so it is ended, and all that it holds is lost. Give it the right to delete there; see the \`auth\` option.`;
    const ended = this.port.endSession(new AccessDeniedError(message, { resource, cause: refusal }));
    await ended;
    return ended !== null;
  }

  /** Tells of the first refusal in a directory; that of any other ticket in it has the same cause. */
  #complain(refusal: unknown): void {
    if (this.options.withdrawals.refused(this.id, this.options.directory)) this.options.onStuck(refusal);
  }
}

/** A while, or until the session ends. */
async function rest(ms: number, clock: Clock, session: Session): Promise<void> {
  const over = deferred<void>();
  const cancel = clock.after(ms, over.resolve);
  session.once("ended", over.resolve);
  await over.promise;
  session.removeListener("ended", over.resolve);
  cancel();
}
