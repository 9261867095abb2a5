import { type Deferred, deferred, untilAborted } from "../common/abort.js";
import { announcesInTime } from "./discipline.js";
import { type Identity, LockLostError, SessionLostError } from "../errors.js";
import { readIdentity, readLimit } from "./ticket-note.js";
import { insist } from "../engine/until-answered.js";
import { agreeOnLimit } from "./limit.js";
import { OwnTicket } from "./own-ticket.js";
import {
  type FencingToken,
  fencingToken,
  lastNotIn,
  type Place,
  placeOf,
  queueOf,
  type Ticket,
} from "../engine/ticket.js";
import type { QueueOptions } from "./queue-options.js";
import {
  ConnectionLossError,
  type Listing,
  type NodeContent,
  type QueuePort,
  UNWRITTEN,
} from "../engine/queue-port.js";

/** Its turn: a contender that may hold. */
export interface Turn {
  readonly token: FencingToken;
  /** The ticket's node. */
  readonly path: string;
  readonly ticket: Ticket;
  /** Whether others had to leave first. */
  readonly waited: boolean;
  /** When the way was free, by the monotonic clock, and whether a holder of our own process left it; null: it was at once. */
  readonly wayFree: { readonly atMs: number; readonly local: boolean } | null;
  /** The queue when it was our turn. */
  readonly queue: readonly Ticket[];
  /** Whether somebody stood behind us then who may have seen another queue than we did. */
  readonly isFollowed: boolean;
}

interface Standing {
  readonly place: Place;
  readonly listing: Listing;
  readonly obstacle: Ticket | "departures" | null;
}

/**
 * One attempt to get the turn in the queue of a resource: enter it, wait, leave it. The recipe is ZooKeeper's for locks; what
 * stands between a ticket and its turn is the discipline's to say.
 *
 * Whoever called `turn` calls `leave`, whatever came of it: a ticket that was taken, or may have been, is withdrawn then.
 */
export class Contender {
  #own: OwnTicket;
  #standing: Standing | null = null;
  #waited = false;
  /** The ticket that a holder of our own process gave back last. */
  #leaving: string | null = null;
  #wayFree: Turn["wayFree"] = null;
  #wakeUp: Deferred<void> | null = null;

  /** @param ownBefore the ticket of our own write hold, while it stands: it is in nobody's way who reads behind it */
  constructor(
    readonly port: QueuePort,
    readonly options: QueueOptions,
    private readonly ownBefore: () => Ticket | null = () => null,
  ) {
    this.#own = new OwnTicket(port, options);
  }

  /**
   * Takes a ticket and waits for its turn. `onQueued` hears of each new place that is not.
   * @throws the signal's reason, SessionLostError, AccessDeniedError, TokenRangeError, LimitMismatchError, or LockLostError
   *   (`ticket-gone`)
   */
  async turn(signal: AbortSignal, onQueued: (place: Place) => void): Promise<Turn> {
    let listing = await untilAborted(this.#enter(), signal);
    for (;;) {
      const place = this.#placeIn(listing);
      if (place.ticket.sequence > this.options.sequenceLimit) {
        listing = await untilAborted(this.#startAnew(signal), signal);
        continue;
      }
      const obstacle = this.#obstacleOf(place);
      this.#standing = { place, listing, obstacle };
      if (obstacle === null || this.#isLeaving(obstacle)) break;
      this.#waited = true;
      const others = this.options.withdrawals.placeWithout(place);
      if (this.#obstacleOf(others) !== null) onQueued(others);
      else void this.options.withdrawals.next(place.queue).then(() => this.#wakeUp?.resolve());
      await this.#waitFor(obstacle, signal);
      if (this.#isLeaving(obstacle)) break;
      this.#wayFree = { atMs: this.options.clock.monotonicMs(), local: false };
      // Gone is not yet our turn: those before us may have left in any order.
      listing = await untilAborted(this.#look(), signal);
    }
    return this.#takeTurn(signal);
  }

  /**
   * The exclusive holder right before us, of this very process, is leaving: its delete is on its way, and nobody can stand
   * between. So the turn is ours now, or as soon as we know our place, unless it is not what we wait for.
   */
  inherit(from: string): void {
    this.#leaving = from;
    this.#wayFree = { atMs: this.options.clock.monotonicMs(), local: true };
    const obstacle = this.#standing?.obstacle ?? null;
    if (obstacle !== null && this.#isLeaving(obstacle)) this.#wakeUp?.resolve();
  }

  /** Withdraws the ticket: see OwnTicket.withdraw. */
  leave(): Promise<void> {
    return this.options.withdrawals.add(this.#own.id, this.#own.withdraw());
  }

  /** Who is first, and how many are before us, as of now. Empty when we have no ticket, or nobody answers. */
  async survey(): Promise<{ ahead?: number; holder?: Identity | undefined }> {
    try {
      const listing = await this.port.list(this.options.directory);
      const place = placeOf(this.#queueIn(listing), this.#own.id) ?? this.#standing?.place;
      const [first] = place?.queue ?? [];
      if (place === undefined || first === undefined) return {};
      const holder = await this.port.read(this.#pathOf(first));
      return { ahead: place.ahead, holder: holder === null ? undefined : readIdentity(holder.data) };
    } catch {
      return {};
    }
  }

  async #enter(): Promise<Listing> {
    const { discipline, directory } = this.options;
    const taking = this.#own.take();
    if (discipline.limit !== undefined) {
      await Promise.all([taking, agreeOnLimit(this.port, directory, discipline, taking, this.options.pause)]);
    }
    return taking;
  }

  async #look(): Promise<Listing> {
    return (await this.#insist(() => this.port.list(this.options.directory))) ?? { czxid: 0, children: [] };
  }

  #queueIn(listing: Listing | null): readonly Ticket[] {
    return queueOf(listing?.children ?? []);
  }

  #placeIn(listing: Listing): Place {
    const place = placeOf(this.#queueIn(listing), this.#own.id);
    if (place !== null) return place;
    throw new LockLostError(`Somebody deleted our ticket in ${this.options.directory}.`, { reason: "ticket-gone" });
  }

  #isLeaving(obstacle: Ticket | "departures"): boolean {
    return obstacle !== "departures" && obstacle.demand === "exclusive" && obstacle.name === this.#leaving;
  }

  #obstacleOf(place: Place): Ticket | "departures" | null {
    const own = this.ownBefore();
    // Who holds the write lock stands at the head; nobody else can get past it while it does.
    if (own !== null && place.queue.some(({ name }) => name === own.name)) return null;
    return this.options.discipline.obstacle(place);
  }

  /** Until the obstacle has gone or changed, or the connection has come back, or the turn has been handed to us. */
  async #waitFor(obstacle: Ticket | "departures", signal: AbortSignal): Promise<void> {
    const { session } = this.port;
    const wakeUp = deferred<void>();
    const woken = (): void => wakeUp.resolve();
    const ended = (): void => wakeUp.reject(new SessionLostError("The ZooKeeper session ended while we waited."));
    this.#wakeUp = wakeUp;
    session.on("connected", woken).on("ended", ended);
    const armed = obstacle === "departures" ? this.#watchDepartures(woken) : this.#watchTicket(obstacle, woken);
    armed.catch((error: unknown) => {
      if (!(error instanceof ConnectionLossError)) wakeUp.reject(error);
      // Else the reconnect wakes us; if there was none to wait for, look again soon.
      else if (session.isLinked) void this.options.pause().then(woken);
    });
    try {
      if (session.ended) ended();
      await untilAborted(wakeUp.promise, signal);
    } finally {
      this.#wakeUp = null;
      session.removeListener("connected", woken).removeListener("ended", ended);
      armed.then((forget) => forget()).catch(() => undefined);
    }
  }

  async #watchTicket(ticket: Ticket, onEvent: () => void): Promise<() => void> {
    const { content, forget } = await this.port.watch(this.#pathOf(ticket), onEvent);
    if (content === null) onEvent();
    else if (ticket.demand === "permit" && !this.#willTell(content)) {
      forget();
      return this.#watchDepartures(onEvent);
    }
    return forget;
  }

  /** Whether a write on the permit before ours will tell us when our turn can come. */
  #willTell({ version, data }: NodeContent): boolean {
    const { place } = this.#standing as Standing;
    return version === UNWRITTEN && announcesInTime(place, this.options.discipline, readLimit(data));
  }

  /** Wakes us at once only if somebody has left since we looked; else we would look, and watch, and look again without end. */
  async #watchDepartures(onEvent: () => void): Promise<() => void> {
    const { listing, forget } = await this.port.watchQueue(this.options.directory, onEvent);
    const place = placeOf(this.#queueIn(listing), this.#own.id);
    if (place?.ahead !== this.#standing?.place.ahead) onEvent();
    return forget;
  }

  /** Every grant consults the clock first: after a long wait the lease may be over, or the session. */
  async #takeTurn(signal: AbortSignal): Promise<Turn> {
    const { session } = this.port;
    const { place, listing } = this.#standing as Standing;
    const { ticket, queue } = place;
    const path = this.#pathOf(ticket);
    const token = fencingToken(listing.czxid, ticket.sequence);
    while (session.leaseMs <= 0) {
      if (session.ended) throw new SessionLostError("The ZooKeeper session ended before the grant.");
      const stands = await untilAborted(
        this.#insist(() => this.port.confirm(path)),
        signal,
      );
      if (!stands) throw new LockLostError(`Somebody deleted our ticket ${path}.`, { reason: "ticket-gone" });
    }
    const isFollowed = place.ahead < lastNotIn(queue, listing.takenTogether);
    return { token, path, ticket, waited: this.#waited, wayFree: this.#wayFree, queue, isFollowed };
  }

  /**
   * The counter is near the number past which the server goes wrong: we withdraw, wait until those with a number below the
   * limit have had their turn, delete the directory, and queue up in its successor. The tokens go on rising, for its czxid is
   * past every number that was given out here.
   */
  async #startAnew(signal: AbortSignal): Promise<Listing> {
    const { directory } = this.options;
    const retired = this.#own;
    // Before anything else is awaited: from now on `leave` concerns the new ticket.
    this.#own = new OwnTicket(this.port, this.options);
    await retired.withdraw();
    for (let drained = false; !drained;) {
      signal.throwIfAborted();
      const last = (await this.#look()).children.at(-1);
      if (last === undefined) drained = await this.#insist(() => this.port.removeDirectory(directory));
      else await this.#waitFor({ name: last, sequence: 0, demand: "exclusive" }, signal);
    }
    return this.#enter();
  }

  #insist<T>(ask: () => Promise<T>): Promise<T> {
    return insist(ask, this.port.session, this.options.pause);
  }

  #pathOf({ name }: Ticket): string {
    return `${this.options.directory}/${name}`;
  }
}
