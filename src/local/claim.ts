import { bounded } from "../common/bounded.js";
import { Caller, type WaitOptions } from "./caller.js";
import { LockError, type SessionLostError } from "../errors.js";
import { publishEnd, publishHandOver, publishWait } from "../diagnostics.js";
import { ResourceHold } from "../hold/hold.js";
import { PermitHold } from "../hold/permit-hold.js";
import type { LocalContext } from "./local-context.js";
import type { Survey } from "./outcome.js";
import type { Place, Ticket } from "../engine/ticket.js";
import { Contender, type Turn } from "../queue/contender.js";
import type { QueueOptions } from "../queue/queue-options.js";

type State =
  /** In memory only: others of this process come first. */
  | { readonly kind: "local" }
  /** On its way to the head of ZooKeeper's queue; `isQueued` once we know of others before it. */
  | {
      readonly kind: "contending";
      readonly abandoned: AbortController;
      readonly contender: Contender | null;
      readonly isQueued: boolean;
    }
  | { readonly kind: "held"; readonly hold: ResourceHold }
  | { readonly kind: "over" };

/** The queue that claims stand in, as they see it. */
export interface ClaimHome {
  /** The write hold of the same owner, where the claim is a reader's. */
  writeHold(claim: Claim): ResourceHold | null;
  /** How many are before the claim, as of now. */
  ahead(claim: Claim): number;
  /** Why nobody may be granted any more. */
  closing(): SessionLostError | null;
  /** The claim's ticket was seen in ZooKeeper's queue. */
  onSeen(claim: Claim, place: Place): void;
  onGranted(claim: Claim): void;
  /** `hold`: what it had; null: it never came to that. */
  onOver(claim: Claim, hold: ResourceHold | null): void;
}

/** A caller that has run out of time waits this long, at the most, for news of the queue and for its ticket to be gone. */
const SURVEY_TIMEOUT_MS = 100;

/** Never leaves this file: nobody waits any more. Made once, for its stack says nothing. */
const ABANDONED = new LockError("All callers have given up.");

/**
 * A hold that is wanted or had, by all callers of one owner together: one ticket, one grant, however many acquire.
 *
 *     local → contending → held → over;  local and contending → over when all callers have given up, or it fails
 */
export class Claim {
  /** The name of our ticket, once it was seen in the queue. */
  ticket: string | null = null;
  /** How many tickets of others stood before ours when we last looked; it may be less than none where our tickets changed places. */
  othersBefore: number | null = null;
  #state: State = { kind: "local" };
  readonly #callers = new Set<Caller>();
  /** The ticket that a holder of our own process gave back last. */
  #leaving: string | null = null;
  /** One question serves all callers whose time is over at the same moment. */
  #survey: Promise<Survey> | null = null;

  constructor(
    /** Who may enter: the same object means the same owner. */
    readonly owner: object,
    private readonly context: LocalContext,
    private readonly queue: QueueOptions,
    private readonly home: ClaimHome,
  ) {}

  get isLocal(): boolean {
    return this.#state.kind === "local";
  }

  /** The hold, while it is held by the lease clock. */
  get hold(): ResourceHold | null {
    return this.#state.kind === "held" && this.#state.hold.isHeld ? this.#state.hold : null;
  }

  /** Whether it has a ticket, and others are known to be before it. */
  get isQueued(): boolean {
    return this.#state.kind === "contending" && this.#state.isQueued;
  }

  /** Waits for this claim's hold, or enters it. Null: looking at the clock has just ended it. */
  join(wait: WaitOptions): Caller | null {
    const hold = this.hold;
    if (this.#state.kind === "over") return null;
    const caller = new Caller(this.context, wait, (late, why) => this.#giveUp(late, why));
    if (hold !== null) {
      caller.enter(hold);
    } else {
      this.#callers.add(caller);
      if (wait.signal?.aborted) this.#giveUp(caller, { aborted: wait.signal.reason });
    }
    return caller;
  }

  /** Others are before us: a caller that never waits goes, any other is told how many. */
  tell(caller: Caller, ahead: number): void {
    if (!this.#callers.has(caller)) return;
    if (caller.neverWaits) this.#giveUp(caller, "late", ahead);
    else if (caller.tell(ahead)) publishWait(this.queue, ahead, caller.elapsedMs);
  }

  /** The place has changed, as far as we know: those who have been told of it are told again. */
  tellAll(ahead: number): void {
    if (ahead === 0) return;
    for (const caller of this.#callers) {
      if (caller.ahead !== undefined && !caller.neverWaits && !caller.isGivingUp) this.tell(caller, ahead);
    }
  }

  /** Goes for a ticket of its own. `leaving`: the ticket that a holder of our own process gave back last. */
  contend(leaving: string | null): void {
    this.#leaving = leaving;
    const abandoned = new AbortController();
    this.#state = { kind: "contending", abandoned, contender: null, isQueued: false };
    void this.#contend(abandoned);
  }

  /** The holder with this ticket, of our own process, is leaving. */
  inherit(ticket: string): void {
    this.#leaving = ticket;
    if (this.#state.kind === "contending") this.#state.contender?.inherit(ticket);
  }

  /** Ends whatever there is: waiting callers get `error`, a hold is lost to `closed`. */
  close(error: SessionLostError): void {
    if (this.#state.kind === "held") this.#state.hold.lose("closed");
    else this.#fail(error);
  }

  /** Waiting callers get `error`; a hold stays. */
  rejectWaiters(error: SessionLostError): void {
    if (this.#state.kind !== "held") this.#fail(error);
  }

  async #contend(abandoned: AbortController): Promise<void> {
    const { signal } = abandoned;
    let contender: Contender | null = null;
    try {
      const port = await this.context.port(signal);
      await this.context.paced.room();
      signal.throwIfAborted();
      const writeHold = this.home.writeHold(this);
      contender = new Contender(port, this.queue, () => (writeHold?.isHeld === true ? writeHold.ticket : null));
      if (this.#leaving !== null) contender.inherit(this.#leaving);
      this.#state = { kind: "contending", abandoned, contender, isQueued: false };
      const turn = await contender.turn(signal, (place) => this.#onQueued(place));
      for (const caller of [...this.#callers]) caller.leaveIfDue();
      // Everybody may have given up between the grant and now, or the manager may have been closed; then it is handed back.
      signal.throwIfAborted();
      const closing = this.home.closing();
      if (closing !== null) throw closing;
      const leansOnWriter = writeHold !== null && hasWritersBetween(writeHold.ticket, turn);
      if (leansOnWriter && !writeHold.isHeld) {
        // The write hold we entered behind has gone meanwhile, and other writers come first.
        await contender.leave();
        await this.#contend(abandoned);
        return;
      }
      this.#seeGrant(turn);
      const hold = this.#holdOf(turn, contender);
      if (leansOnWriter) writeHold.keepPlaceFor(hold);
      this.#grant(hold);
    } catch (error) {
      if (contender !== null) this.context.background(contender.leave());
      this.#fail(error);
    }
  }

  /** A look that granted an exclusive hold tells the places of those behind, too; a hand-over without a look tells nothing. */
  #seeGrant({ ticket, queue, wayFree }: Turn): void {
    if (this.queue.discipline.shared || wayFree?.local === true) return;
    const place = { ticket, queue, ahead: queue.indexOf(ticket) };
    this.home.onSeen(this, this.queue.withdrawals.placeWithout(place));
  }

  #holdOf(turn: Turn, contender: Contender): ResourceHold {
    const { clock } = this.context;
    const grantedAtMs = clock.monotonicMs();
    const { token, wayFree } = turn;
    if (wayFree !== null) publishHandOver(this.queue, token, wayFree.local, grantedAtMs - wayFree.atMs);
    const Kind = this.queue.discipline.kind === "semaphore" ? PermitHold : ResourceHold;
    return new Kind(this.owner, turn, contender, (over) => {
      publishEnd(this.queue, token, clock.monotonicMs() - grantedAtMs, over.loss);
      this.#end(over);
    });
  }

  #grant(hold: ResourceHold): void {
    this.#state = { kind: "held", hold };
    for (const caller of this.#callers) caller.enter(hold);
    this.#callers.clear();
    this.home.onGranted(this);
  }

  #onQueued(place: Place): void {
    if (this.#state.kind !== "contending") return;
    this.#state = { ...this.#state, isQueued: true };
    this.home.onSeen(this, place);
    for (const caller of [...this.#callers]) this.tell(caller, place.ahead);
  }

  /** One caller leaves; the others go on. When none is left, so does the ticket. */
  #giveUp(caller: Caller, why: { aborted: unknown } | "late", ahead = this.#aheadOf(caller)): void {
    if (!this.#callers.delete(caller)) return;
    caller.unhook();
    if (why === "late") {
      void this.#settleTooLate(caller, ahead === undefined ? {} : { ahead });
    } else {
      if (this.#callers.size === 0) void this.#abandon();
      caller.settle({ kind: "aborted", reason: why.aborted });
    }
  }

  async #settleTooLate(caller: Caller, guess: Survey): Promise<void> {
    // The question goes out ahead of the delete, in the same burst.
    const asked = this.#ask();
    const left = this.#callers.size === 0 ? this.#abandon() : undefined;
    const known = Promise.all([asked, left]).then(([answer]) => ({ ...guess, ...answer }));
    const hasTicket = asked !== undefined || left !== undefined;
    const survey = hasTicket ? await bounded(known, SURVEY_TIMEOUT_MS, this.context.clock, () => guess) : guess;
    caller.settle({ kind: "too-late", survey });
  }

  /** Who is first in ZooKeeper's queue, and how many are before us; undefined where we do not stand in it. */
  #ask(): Promise<Survey> | undefined {
    if (this.#state.kind !== "contending" || this.#state.contender === null) return undefined;
    this.#survey ??= this.#state.contender.survey().finally(() => (this.#survey = null));
    return this.#survey;
  }

  /** Undefined: it is not known that anybody is before it. */
  #aheadOf(caller: Caller): number | undefined {
    return caller.ahead === undefined ? undefined : this.home.ahead(this);
  }

  #abandon(): Promise<void> | undefined {
    if (this.#state.kind !== "contending") {
      this.#end(null);
      return undefined;
    }
    const { abandoned, contender } = this.#state;
    const left = contender?.leave();
    if (left !== undefined) this.context.background(left);
    abandoned.abort(ABANDONED);
    this.#end(null);
    return left;
  }

  #fail(error: unknown): void {
    const callers = [...this.#callers];
    this.#callers.clear();
    void this.#abandon();
    for (const caller of callers) caller.settle({ kind: "failed", error });
  }

  #end(hold: ResourceHold | null): void {
    if (this.#state.kind === "over") return;
    this.#state = { kind: "over" };
    this.home.onOver(this, hold);
  }
}

/**
 * A reader has entered behind its own write hold. If other writers stand between the two tickets, they would be next when the
 * write ticket goes, with our reader still inside: then the write ticket has to keep its place until the reader has left.
 */
function hasWritersBetween(writer: Ticket, reader: Turn): boolean {
  return reader.queue.some(
    ({ order, demand }) => demand === "exclusive" && order > writer.order && order < reader.ticket.order,
  );
}
