import type { Caller, WaitOptions } from "./caller.js";
import { Claim, type ClaimHome } from "./claim.js";
import { type SessionLostError, UpgradeRefusedError } from "../errors.js";
import type { ResourceHold } from "../hold/hold.js";
import { Line } from "./line.js";
import type { LocalContext } from "./local-context.js";
import { PlaceNews } from "./place-news.js";
import type { Place, Ticket } from "../engine/ticket.js";
import { PROCESS } from "./owner.js";
import type { QueueOptions } from "../queue/queue-options.js";

/** The queues of the other half of a read/write lock, where this is one half. */
export interface Siblings {
  /** A reader may enter behind a write hold of its own: a downgrade. */
  readonly writers?: () => LocalQueue | undefined;
  /** A writer may not wait behind a read hold of its own: an upgrade would wait for itself. */
  readonly readers?: () => LocalQueue | undefined;
}

/**
 * How many of one process's claims contend in ZooKeeper's queue for one resource, the holder's own included where there is one
 * holder at a time: the next one, and one that is under way while the next one's turn comes. So local hand-overs need no round
 * trip, and other processes get their turns.
 */
const WINDOW = 3;

/**
 * The claims of one process to one resource, first come first served. The first few have tickets in ZooKeeper's queue, the
 * others wait in memory. Whatever one of them does costs the same, however many there are.
 */
export class LocalQueue {
  readonly #claims = new Line<Claim>();
  readonly #byOwner = new Map<object, Claim>();
  /** Those that wait in memory, in order. */
  readonly #inMemory = new Set<Claim>();
  #fromMemory = this.#inMemory.values();
  /** Those whose turn it is to contend, in order; where one holds at a time, the holder too. */
  readonly #window = new Set<Claim>();
  /** Why nobody may wait any more. */
  #closing: SessionLostError | null = null;
  /** The ticket that a holder of ours gave back last. */
  #leaving: string | null = null;
  /** Our tickets that are known by name. */
  readonly #byTicket = new Map<string, Claim>();
  /** How many tickets of others stood before those in memory, when we last saw ZooKeeper's queue. */
  #othersBeforeMemory = 0;
  /** The queue as we saw it last. */
  #seen: readonly Ticket[] | null = null;
  readonly #news: PlaceNews<Claim>;
  /** Some have given up; whoever is next in memory contends when all who give up in this turn have done so. */
  #refillIsDue = false;
  readonly #home: ClaimHome = {
    writeHold: ({ owner }) => this.siblings.writers?.()?.holdOf(owner) ?? null,
    ahead: (claim) => this.#aheadOf(claim),
    closing: () => this.#closing,
    onSeen: (claim, place) => this.#see(claim, place),
    onGranted: (claim) => this.#granted(claim),
    onOver: (claim, hold) => this.#remove(claim, hold),
  };

  constructor(
    private readonly context: LocalContext,
    private readonly options: QueueOptions,
    private readonly siblings: Siblings,
    private readonly onEmpty: () => void,
  ) {
    this.#news = new PlaceNews(context.clock, this.#claims, (claim) => claim.tellAll(this.#aheadOf(claim)));
  }

  /** What is wanted or held on behalf of an owner. */
  claimOf(owner: object): Claim | null {
    return this.#byOwner.get(owner) ?? null;
  }

  /** The hold of an owner, while it stands. */
  holdOf(owner: object): ResourceHold | null {
    return this.claimOf(owner)?.hold ?? null;
  }

  /** Whether the process itself has it, or waits for it: by a bare acquire that has not been given back. */
  isOfProcess(): boolean {
    const claim = this.claimOf(PROCESS);
    return claim !== null && (claim.hold === null || claim.hold.bareAcquires > 0);
  }

  get isEmpty(): boolean {
    return this.#claims.size === 0;
  }

  /** All holds there are. */
  holds(): ResourceHold[] {
    return [...this.#claims].flatMap((claim) => claim.hold ?? []);
  }

  /**
   * Enters the hold of `owner`, or waits for it: with the owner's others if it has any, behind everybody else if not.
   * @throws UpgradeRefusedError
   */
  enter(owner: object, wait: WaitOptions): Caller {
    // Looking at a claim's hold may end it, so that it is no claim any more.
    const isHeld = this.holdOf(owner) !== null;
    if (!isHeld && this.siblings.readers?.()?.holdOf(owner)) {
      // We may have been made for this very call.
      if (this.isEmpty) this.onEmpty();
      throw new UpgradeRefusedError(
        `"${this.options.resource}" is held for reading here, so waiting to write it would wait for itself. Release the read lock first.`,
        { resource: this.options.resource },
      );
    }
    const existing = this.claimOf(owner);
    const joined = existing?.join(wait) ?? null;
    const { claim, caller } =
      existing !== null && joined !== null ? { claim: existing, caller: joined } : this.#claimAnew(owner, wait);
    const { shared } = this.options.discipline;
    if (!shared && caller.neverWaits && claim.isLocal && !this.#isFirst(claim)) {
      claim.tell(caller, this.#aheadOf(claim));
      return caller;
    }
    this.#fillWindow();
    // Those before it need not be in its way: only the queue can tell whether it is free now.
    if (shared && caller.neverWaits && claim.isLocal) this.#contend(claim);
    const ahead = this.#aheadOf(claim);
    // What stands in the queue has others before it, until it has looked and knows better.
    if (claim.isQueued) claim.tell(caller, Math.max(1, ahead));
    else if (claim.isLocal || (ahead > 0 && !shared)) claim.tell(caller, ahead);
    return caller;
  }

  /** From now on nobody is granted any more; returns all that wait, for the caller to reject, and all that hold. */
  startClosing(error: SessionLostError): Claim[] {
    this.#closing = error;
    return [...this.#claims];
  }

  #claimAnew(owner: object, wait: WaitOptions): { claim: Claim; caller: Caller } {
    const claim = new Claim(owner, this.context, this.options, this.#home);
    this.#claims.add(claim);
    this.#byOwner.set(owner, claim);
    this.#inMemory.add(claim);
    const caller = claim.join(wait);
    if (caller === null) throw new Error("Impossible (local-queue-1): a claim that nobody has granted is over.");
    return { claim, caller };
  }

  #isFirst(claim: Claim): boolean {
    return this.#claims.before(claim) === 0;
  }

  #fillWindow(): void {
    const size = Math.max(WINDOW, this.options.discipline.limit ?? 0);
    while (this.#closing === null && this.#window.size < size) {
      const claim = this.#nextInMemory();
      if (claim === undefined) return;
      this.#window.add(claim);
      this.#contend(claim);
    }
  }

  /** One iterator for all of them: a new one would have to pass over all who have left since. */
  #nextInMemory(): Claim | undefined {
    const next = this.#fromMemory.next();
    if (next.done !== true) return next.value;
    this.#fromMemory = this.#inMemory.values();
    return this.#fromMemory.next().value;
  }

  /** In its turn, or out of it: where those before it need not be in its way. */
  #contend(claim: Claim): void {
    this.#inMemory.delete(claim);
    claim.contend(this.#leaving);
  }

  /** Holders that live side by side make room for those who have yet to contend. */
  #granted(claim: Claim): void {
    if (!this.options.discipline.shared) return;
    this.#window.delete(claim);
    this.#fillWindow();
  }

  #remove(claim: Claim, hold: ResourceHold | null): void {
    if (!this.#claims.delete(claim)) return;
    if (this.#byOwner.get(claim.owner) === claim) this.#byOwner.delete(claim.owner);
    if (claim.ticket !== null) this.#byTicket.delete(claim.ticket);
    this.#inMemory.delete(claim);
    this.#window.delete(claim);
    this.#inherit(hold?.givenBack ?? null);
    if (this.isEmpty) return this.onEmpty();
    if (hold === null) this.#refillSoon();
    else this.#fillWindow();
    if (this.#closing === null) this.#news.changed();
  }

  /** Where holders live side by side, nobody waits for one of them in particular. */
  #inherit(givenBack: string | null): void {
    if (givenBack === null || this.options.discipline.shared) return;
    this.#leaving = givenBack;
    for (const next of this.#window) next.inherit(givenBack);
  }

  /** Where thousands give up at one moment, none of them takes a ticket first. */
  #refillSoon(): void {
    if (this.#refillIsDue) return;
    this.#refillIsDue = true;
    this.context.clock.soon(() => {
      this.#refillIsDue = false;
      this.#fillWindow();
    });
  }

  /** How many are before a claim: of this process, and of others as far as we have seen. */
  #aheadOf(claim: Claim): number {
    const others = claim.isLocal ? this.#othersBeforeMemory : (claim.othersBefore ?? 0);
    return Math.max(0, (this.#claims.before(claim) ?? 0) + others);
  }

  /** A look at ZooKeeper's queue by one of ours tells the places of all. */
  #see(viewer: Claim, { ticket, queue, ahead }: Place): void {
    if (viewer.ticket !== ticket.ref) {
      if (viewer.ticket !== null) this.#byTicket.delete(viewer.ticket);
      viewer.ticket = ticket.ref;
      this.#byTicket.set(ticket.ref, viewer);
    }
    const before = this.#othersBeforeMemory;
    this.#keep(viewer, ahead);
    // One listing may serve many of ours: each of them finds its own place in it.
    for (let index = queue === this.#seen ? queue.length : ahead + 1; index < queue.length; index += 1) {
      const claim = this.#byTicket.get(queue[index]?.ref ?? "");
      if (claim !== undefined) this.#keep(claim, index);
    }
    this.#seen = queue;
    if (this.#othersBeforeMemory !== before) this.#news.changed();
  }

  #keep(claim: Claim, ahead: number): void {
    claim.othersBefore = ahead - (this.#claims.before(claim) ?? 0);
    if (this.#window.has(claim)) this.#othersBeforeMemory = Math.max(0, claim.othersBefore);
  }
}
