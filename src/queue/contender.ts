import { type Deferred, deferred, untilAborted } from "../common/abort.js";
import { announcesInTime } from "./discipline.js";
import { type Identity, LockLostError, SessionLostError } from "../errors.js";
import { readIdentity, readLimit } from "./ticket-note.js";
import { insist } from "../engine/until-answered.js";
import { agreeOnLimit } from "./limit.js";
import { OwnTicket } from "./own-ticket.js";
import { type FencingToken, lastNotIn, type Listing, type Place, placeOf, type Ticket } from "../engine/ticket.js";
import type { QueueOptions } from "./queue-options.js";
import { ConnectionLossError, type QueuePort, type TicketContent } from "../engine/queue-port.js";

/** Its turn: a contender that may hold. */
export interface Turn {
  readonly token: FencingToken;
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
  readonly takenTogether: ReadonlySet<string> | undefined;
  readonly obstacle: Ticket | "departures" | null;
}

/**
 * One attempt to get the turn in the queue of a resource: enter it, wait, leave it. What
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
      if (place.ticket.isPastEnd) {
        listing = await untilAborted(this.#startAnew(signal), signal);
        continue;
      }
      const obstacle = this.#obstacleOf(place);
      this.#standing = { place, takenTogether: listing.takenTogether, obstacle };
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
      const { tickets } = await this.port.list(this.options.directory);
      const place = placeOf(tickets, this.#own.id) ?? this.#standing?.place;
      const [first] = place?.queue ?? [];
      if (place === undefined || first === undefined) return {};
      const holder = await this.port.read(first.ref);
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

  #look(): Promise<Listing> {
    return this.#insist(() => this.port.list(this.options.directory));
  }

  #placeIn({ tickets }: Listing): Place {
    const place = placeOf(tickets, this.#own.id);
    if (place !== null) return place;
    throw new LockLostError(`Somebody deleted our ticket in ${this.options.directory}.`, { reason: "ticket-gone" });
  }

  #isLeaving(obstacle: Ticket | "departures"): boolean {
    return obstacle !== "departures" && obstacle.demand === "exclusive" && obstacle.ref === this.#leaving;
  }

  #obstacleOf(place: Place): Ticket | "departures" | null {
    const own = this.ownBefore();
    // Who holds the write lock stands at the head; nobody else can get past it while it does.
    if (own !== null && place.queue.some(({ ref }) => ref === own.ref)) return null;
    return this.options.discipline.obstacle(place);
  }

  /** Until the obstacle has gone or changed, or the connection has come back, or the turn has been handed to us. */
  async #waitFor(obstacle: Ticket | "departures", signal: AbortSignal): Promise<void> {
    const { session } = this.port;
    const wakeUp = deferred<void>();
    const woken = (): void => wakeUp.resolve();
    const ended = (): void => wakeUp.reject(new SessionLostError("The session ended while we waited."));
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
    const { content, forget } = await this.port.watch(ticket.ref, onEvent);
    if (content === null) onEvent();
    else if (ticket.demand === "permit" && !this.#willTell(content)) {
      forget();
      return this.#watchDepartures(onEvent);
    }
    return forget;
  }

  /** Whether a write on the permit before ours will tell us when our turn can come. */
  #willTell({ version, data }: TicketContent): boolean {
    const { place } = this.#standing as Standing;
    return version === "untouched" && announcesInTime(place, this.options.discipline, readLimit(data));
  }

  /** Wakes us at once only if somebody has left since we looked; else we would look, and watch, and look again without end. */
  async #watchDepartures(onEvent: () => void): Promise<() => void> {
    const { listing, forget } = await this.port.watchQueue(this.options.directory, onEvent);
    const place = placeOf(listing.tickets, this.#own.id);
    if (place?.ahead !== this.#standing?.place.ahead) onEvent();
    return forget;
  }

  /** Every grant consults the clock first: after a long wait the lease may be over, or the session. */
  async #takeTurn(signal: AbortSignal): Promise<Turn> {
    const { session } = this.port;
    const { place, takenTogether } = this.#standing as Standing;
    const { ticket, queue } = place;
    const { ref, token } = ticket;
    while (session.leaseMs <= 0) {
      if (session.ended) throw new SessionLostError("The session ended before the grant.");
      const stands = await untilAborted(
        this.#insist(() => this.port.confirm(ref)),
        signal,
      );
      if (!stands) throw new LockLostError(`Somebody deleted our ticket ${ref}.`, { reason: "ticket-gone" });
    }
    const isFollowed = place.ahead < lastNotIn(queue, takenTogether);
    return { token, ticket, waited: this.#waited, wayFree: this.#wayFree, queue, isFollowed };
  }

  /**
   * The queue is past its end: we withdraw, wait until those who came in time have had their turn, and enter the queue that begins
   * anew then.
   */
  async #startAnew(signal: AbortSignal): Promise<Listing> {
    const { directory } = this.options;
    const retired = this.#own;
    // Before anything else is awaited: from now on `leave` concerns the new ticket.
    this.#own = new OwnTicket(this.port, this.options);
    await retired.withdraw();
    for (;;) {
      signal.throwIfAborted();
      const left = await this.#insist(() => this.port.retire(directory));
      if (left === null) return this.#enter();
      await this.#waitFor(left, signal);
    }
  }

  #insist<T>(ask: () => Promise<T>): Promise<T> {
    return insist(ask, this.port.session, this.options.pause);
  }
}
