import type { Caller, Patience } from "./caller.js";
import { Claim } from "./claim.js";
import type { Clock } from "./clock.js";
import { type SessionLostError, UpgradeRefusedError } from "./errors.js";
import type { ResourceHold } from "./hold.js";
import { PROCESS } from "./scope.js";
import type { QueueOptions } from "./ticket-queue.js";
import type { QueuePort } from "./zookeeper/port.js";

/** What the queues of one manager share. */
export interface LocalContext {
  readonly clock: Clock;
  /** The session there is, or the next one, if one is coming. @throws SessionLostError, or the signal's reason */
  port(signal: AbortSignal): Promise<QueuePort>;
  /** Work that must be done before the manager is closed; it never rejects. */
  background(work: Promise<unknown>): void;
}

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
 * others wait in memory.
 */
export class LocalQueue {
  readonly #claims: Claim[] = [];

  constructor(
    private readonly context: LocalContext,
    private readonly options: QueueOptions,
    private readonly siblings: Siblings,
    private readonly onEmpty: () => void,
  ) {}

  /** The hold of a scope, while it stands. */
  holdOf(scope: object): ResourceHold | null {
    return this.#claims.find((claim) => claim.scope === scope)?.hold ?? null;
  }

  /** Whether the process itself has it, or waits for it: by a bare acquire that has not been given back. */
  isOfProcess(): boolean {
    const claim = this.#claims.find(({ scope }) => scope === PROCESS);
    return claim !== undefined && (claim.hold === null || claim.hold.bareAcquires > 0);
  }

  get isEmpty(): boolean {
    return this.#claims.length === 0;
  }

  /** All holds there are. */
  holds(): ResourceHold[] {
    return [...this.#claims].flatMap((claim) => claim.hold ?? []);
  }

  /**
   * Enters the hold of `scope`, or waits for it: with the scope's others if it has any, behind everybody else if not.
   * @throws UpgradeRefusedError
   */
  enter(scope: object, patience: Patience): Caller {
    // Looking at a claim's hold may end it, so that it is no claim any more.
    const isHeld = this.holdOf(scope) !== null;
    if (!isHeld && this.siblings.readers?.()?.holdOf(scope)) {
      // We may have been made for this very call.
      if (this.isEmpty) this.onEmpty();
      throw new UpgradeRefusedError(
        `"${this.options.resource}" is held for reading here, so waiting to write it would wait for itself. Release the read lock first.`,
        { resource: this.options.resource },
      );
    }
    const existing = this.#claims.find((one) => one.scope === scope);
    const joined = existing?.join(patience) ?? null;
    const { claim, caller } =
      existing !== undefined && joined !== null
        ? { claim: existing, caller: joined }
        : this.#claimAnew(scope, patience);
    this.#fillWindow();
    const { shared } = this.options.discipline;
    // Those before it need not be in its way: only the queue can tell whether it is free now.
    if (shared && caller.isImpatient && claim.isLocal) claim.contend();
    const position = this.#claims.indexOf(claim);
    const isBlocked = claim.isLocal || (position > 0 && !shared);
    if (isBlocked) claim.waitLocally(position);
    return caller;
  }

  close(error: SessionLostError): void {
    for (const claim of [...this.#claims]) claim.close(error);
  }

  /** Those who want nothing but to wait are turned away; holds stay. */
  turnAway(error: SessionLostError): void {
    for (const claim of [...this.#claims]) if (claim.hold === null) claim.close(error);
  }

  #claimAnew(scope: object, patience: Patience): { claim: Claim; caller: Caller } {
    const claim = new Claim(scope, this.context, this.options, this.siblings, (over, ticket) =>
      this.#remove(over, ticket),
    );
    this.#claims.push(claim);
    const caller = claim.join(patience);
    if (caller === null) throw new Error("Impossible (local-queue-1): a claim that nobody has granted is over.");
    return { claim, caller };
  }

  #fillWindow(): void {
    const { shared, limit = 0 } = this.options.discipline;
    const counted = shared ? this.#claims.filter((claim) => claim.hold === null) : this.#claims;
    for (const claim of counted.slice(0, Math.max(WINDOW, limit))) {
      if (claim.isLocal) claim.contend();
    }
  }

  #remove(claim: Claim, givenBack: string | null): void {
    const position = this.#claims.indexOf(claim);
    if (position < 0) return;
    this.#claims.splice(position, 1);
    if (givenBack !== null) for (const next of this.#claims) next.inherit(givenBack);
    this.#fillWindow();
    if (this.isEmpty) this.onEmpty();
  }
}
