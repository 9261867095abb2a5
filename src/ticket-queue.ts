import { randomBytes } from "node:crypto";
import { type Deferred, deferred, untilAborted } from "./abort.js";
import { type Identity, LockError, LockLostError, SessionLostError } from "./errors.js";
import { readIdentity } from "./identity.js";
import { insist } from "./insist.js";
import { type FencingToken, fencingToken, type Place, placeOf, queueOf, type Ticket, ticketPrefix } from "./ticket.js";
import { ConnectionLossError, type Listing, type QueuePort } from "./zookeeper/port.js";

/** What it takes to stand in the queue of a resource. */
export interface QueueOptions {
  readonly resource: string;
  readonly directory: string;
  /** Written into the ticket, for others to read. */
  readonly data: Buffer;
  readonly sequenceLimit: number;
  /** A short rest before something is tried again. */
  readonly pause: () => Promise<void>;
  /** A ticket that cannot be withdrawn, for a reason that is not the connection. */
  readonly onStuck: (error: unknown) => void;
}

/** Being first in the queue. */
export interface Turn {
  readonly token: FencingToken;
  /** The ticket's node. */
  readonly path: string;
  readonly name: string;
}

interface Standing {
  readonly place: Place;
  readonly czxid: number;
}

/** Eight random bytes: what a ticket is found by when the reply to its creation was lost. */
const ID_BYTES = 8;

/**
 * One attempt to become first in the queue of a resource: enter it, wait for the turn, leave it. The recipe is ZooKeeper's for
 * locks, with Apache Curator's protection: a random id in the node's name, so that a lost reply does no harm.
 *
 * Whoever called `turn` calls `leave`, whatever came of it: a ticket that was taken, or may have been, is withdrawn then.
 */
export class Contender {
  #id = randomBytes(ID_BYTES).toString("hex");
  /** The taking of a ticket, which goes on when nobody waits for it any more: what it took must be found and withdrawn. */
  #entering: Promise<unknown> = Promise.resolve();
  #ticket: string | null = null;
  #standing: Standing | null = null;
  #inherited = false;
  #wakeUp: Deferred<void> | null = null;
  #leaving: Deferred<void> | null = null;
  readonly #endUse: () => void;

  constructor(
    readonly port: QueuePort,
    private readonly options: QueueOptions,
  ) {
    this.#endUse = port.session.use();
  }

  /**
   * Takes a ticket and waits until it is the first. `onQueued` hears of each new place that is not.
   * @throws the signal's reason, SessionLostError, AccessDeniedError, TokenRangeError, or LockLostError (`ticket-gone`)
   */
  async turn(signal: AbortSignal, onQueued: (place: Place) => void): Promise<Turn> {
    const entering = this.#enter();
    this.#entering = entering;
    let listing = await untilAborted(entering, signal);
    for (;;) {
      const place = this.#placeIn(listing);
      if (place.ticket.sequence > this.options.sequenceLimit) {
        listing = await untilAborted(this.#startAnew(signal), signal);
        continue;
      }
      this.#standing = { place, czxid: listing.czxid };
      if (place.predecessor === null) break;
      onQueued(place);
      await this.#wait(place.predecessor, signal);
      if (this.#inherited) break;
      // Gone is not yet our turn: those before us may have left in any order.
      listing = await untilAborted(this.#look(), signal);
    }
    return this.#takeTurn(signal);
  }

  /**
   * The holder right before us, of this very process, is leaving: its delete is on its way, and nobody can stand between. So
   * the turn is ours now. False: it is not our predecessor, or we do not know our place yet.
   */
  inherit(from: string): boolean {
    if (this.#wakeUp === null || this.#standing?.place.predecessor?.name !== from) return false;
    this.#inherited = true;
    this.#wakeUp.resolve();
    return true;
  }

  /**
   * Withdraws the ticket. Resolves when it is gone, or when that is left to the background because the connection is down; it
   * is then deleted as soon as we are in touch again, or dies with the session. Never rejects.
   */
  leave(): Promise<void> {
    if (this.#leaving === null) {
      this.#leaving = deferred();
      void this.#withdraw(this.#leaving);
    }
    return this.#leaving.promise;
  }

  /** Who is first, and how many are before us, as of now. Empty when we have no ticket, or nobody answers. */
  async survey(): Promise<{ ahead?: number; holder?: Identity | undefined }> {
    try {
      const listing = await this.port.list(this.options.directory);
      const place = placeOf(queueOf(listing?.children ?? []), this.#id) ?? this.#standing?.place;
      if (place === undefined) return {};
      const holder = await this.port.read(this.#pathOf(place.first.name));
      return { ahead: place.ahead, holder: holder === null ? undefined : readIdentity(holder.data) };
    } catch {
      return {};
    }
  }

  /** Takes a ticket; after a lost reply, finds out first whether the create has happened. */
  async #enter(): Promise<Listing> {
    const { directory, data } = this.options;
    for (;;) {
      if (this.#leaving !== null) throw new LockError("Left the queue before entering it.");
      try {
        const { name, listing } = await this.port.takeTicket(directory, ticketPrefix(this.#id), data);
        this.#ticket = name;
        return listing;
      } catch (error) {
        if (!(error instanceof ConnectionLossError)) throw error;
      }
      const found = await this.#insist(() => this.#findTicket());
      if (found !== null) return found;
    }
  }

  /** The queue with our ticket in it, if there is one. */
  async #findTicket(): Promise<Listing | null> {
    await this.port.session.linked();
    const listing = await this.port.list(this.options.directory);
    const ours = placeOf(queueOf(listing?.children ?? []), this.#id)?.ticket.name;
    if (listing === null || ours === undefined) return null;
    const content = await this.port.read(this.#pathOf(ours));
    // An id can be copied by anybody who can write here; only what is our session's is ours.
    if (content?.owner !== this.port.session.id) return null;
    this.#ticket = ours;
    return listing;
  }

  async #look(): Promise<Listing> {
    return (await this.#insist(() => this.port.list(this.options.directory))) ?? { czxid: 0, children: [] };
  }

  #placeIn(listing: Listing): Place {
    const place = placeOf(queueOf(listing.children), this.#id);
    if (place !== null) return place;
    throw new LockLostError(`Somebody deleted our ticket in ${this.options.directory}.`, { reason: "ticket-gone" });
  }

  /** Until the predecessor is gone, or the connection has come back, or the turn has been handed to us. */
  async #wait(predecessor: Ticket, signal: AbortSignal): Promise<void> {
    const { session } = this.port;
    const wakeUp = deferred<void>();
    const woken = (): void => wakeUp.resolve();
    const ended = (): void => wakeUp.reject(new SessionLostError("The ZooKeeper session ended while we waited."));
    this.#wakeUp = wakeUp;
    session.on("connected", woken).on("ended", ended);
    const armed = this.port.watch(this.#pathOf(predecessor.name), woken);
    armed.then(
      ({ content }) => content ?? woken(),
      (error: unknown) => (error instanceof ConnectionLossError ? session.isLinked && woken() : wakeUp.reject(error)),
    );
    try {
      if (session.ended) ended();
      await untilAborted(wakeUp.promise, signal);
    } finally {
      this.#wakeUp = null;
      session.removeListener("connected", woken).removeListener("ended", ended);
      armed.then(({ forget }) => forget()).catch(() => undefined);
    }
  }

  /** Every grant consults the clock first: after a long wait the lease may be over, or the session. */
  async #takeTurn(signal: AbortSignal): Promise<Turn> {
    const { session } = this.port;
    const { place, czxid } = this.#standing as Standing;
    const path = this.#pathOf(place.ticket.name);
    const token = fencingToken(czxid, place.ticket.sequence);
    while (session.leaseMs <= 0) {
      if (session.ended) throw new SessionLostError("The ZooKeeper session ended before the grant.");
      const stands = await untilAborted(
        this.#insist(() => this.port.confirm(path)),
        signal,
      );
      if (!stands) throw new LockLostError(`Somebody deleted our ticket ${path}.`, { reason: "ticket-gone" });
    }
    return { token, path, name: place.ticket.name };
  }

  /**
   * The counter is near the number past which the server goes wrong: we withdraw, wait until those with a number below the
   * limit have had their turn, delete the directory, and queue up in its successor. The tokens go on rising, for its czxid is
   * past every number that was given out here.
   */
  async #startAnew(signal: AbortSignal): Promise<Listing> {
    const { directory } = this.options;
    const retired = this.#ticket;
    if (retired !== null) await this.#insist(() => this.port.remove(this.#pathOf(retired)));
    this.#ticket = null;
    for (let drained = false; !drained && !signal.aborted;) {
      const last = (await this.#look()).children.at(-1);
      if (last === undefined) drained = await this.#insist(() => this.port.removeDirectory(directory));
      else await this.#wait({ name: last, sequence: 0 }, signal);
    }
    this.#id = randomBytes(ID_BYTES).toString("hex");
    const entering = this.#enter();
    this.#entering = entering;
    return entering;
  }

  async #withdraw(handedOver: Deferred<void>): Promise<void> {
    const { session } = this.port;
    if (!session.isLinked) handedOver.resolve();
    session.once("disconnected", handedOver.resolve);
    for (let isGone = false; !isGone && !session.ended;) {
      try {
        // Known tickets go at once: whoever acquires in the same turn queues up behind this delete.
        if (this.#ticket === null) await this.#entering.catch(() => undefined);
        if (this.#ticket !== null) await this.port.remove(this.#pathOf(this.#ticket));
        isGone = true;
      } catch (error) {
        handedOver.resolve();
        if (!(error instanceof ConnectionLossError || error instanceof SessionLostError)) this.options.onStuck(error);
        await this.options
          .pause()
          .then(() => session.linked())
          .catch(() => undefined);
      }
    }
    session.removeListener("disconnected", handedOver.resolve);
    this.#endUse();
    handedOver.resolve();
  }

  get pause(): () => Promise<void> {
    return this.options.pause;
  }

  #insist<T>(ask: () => Promise<T>): Promise<T> {
    return insist(ask, this.port.session, this.options.pause);
  }

  #pathOf(name: string): string {
    return `${this.options.directory}/${name}`;
  }
}
