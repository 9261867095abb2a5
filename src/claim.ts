import { bounded } from "./bounded.js";
import { Caller, type Patience, type Standing } from "./caller.js";
import type { SessionLostError } from "./errors.js";
import { publishEnd, publishHandOver, publishWait } from "./diagnostics.js";
import { ResourceHold } from "./hold.js";
import { PermitHold } from "./permit-hold.js";
import type { LocalContext, Siblings } from "./local-queue.js";
import type { Place, Ticket } from "./ticket.js";
import { Contender, type QueueOptions, type Turn } from "./ticket-queue.js";

type State =
  /** In memory only: others of this process come first. */
  | { readonly kind: "local" }
  /** On its way to the head of ZooKeeper's queue; `ahead` is null until we know. */
  | { readonly kind: "contending"; readonly contender: Contender | null; readonly ahead: number | null }
  | { readonly kind: "held"; readonly hold: ResourceHold }
  | { readonly kind: "over" };

/** A caller that has run out of time waits this long, at the most, for news of the queue and for its ticket to be gone. */
const LAST_WORDS_MS = 100;

/**
 * A hold that is wanted or had, by all callers of one scope together: one ticket, one grant, however many acquire.
 *
 *     local → contending → held → over;  local and contending → over when all callers have given up, or it fails
 */
export class Claim {
  #state: State = { kind: "local" };
  readonly #callers = new Set<Caller>();
  readonly #abandoned = new AbortController();
  /** The ticket that a holder of our own process gave back last. */
  #leaving: string | null = null;
  /** How many were ahead, when we last heard: in ZooKeeper's queue, or in our own process. */
  #lastAhead: number | undefined;

  constructor(
    /** Who may enter: the same object means the same owner. */
    readonly scope: object,
    private readonly context: LocalContext,
    private readonly queue: QueueOptions,
    private readonly siblings: Siblings,
    /** `givenBack` names the ticket of a hold that was released; null when there was none, or it was lost. */
    private readonly onOver: (claim: Claim, givenBack: string | null) => void,
  ) {}

  get isLocal(): boolean {
    return this.#state.kind === "local";
  }

  /** The hold, while it is held by the lease clock. */
  get hold(): ResourceHold | null {
    return this.#state.kind === "held" && this.#state.hold.isHeld ? this.#state.hold : null;
  }

  /** Waits for this claim's hold, or enters it. Null: looking at the clock has just ended it. */
  join(patience: Patience): Caller | null {
    const hold = this.hold;
    if (this.#state.kind === "over") return null;
    const caller = new Caller(this.context.clock, patience, (late, why) => void this.#giveUp(late, why));
    if (hold !== null) {
      hold.enter();
      caller.settle({ kind: "granted", hold });
    } else {
      this.#callers.add(caller);
      if (patience.signal?.aborted === true) void this.#giveUp(caller, { aborted: patience.signal.reason });
      else if (this.#state.kind === "contending" && this.#state.ahead !== null) this.#tell(caller, this.#state.ahead);
    }
    return caller;
  }

  /** Others of this process are before us, and stay there for now: who has no patience goes. */
  waitLocally(ahead: number): void {
    this.#lastAhead = ahead;
    for (const caller of [...this.#callers]) this.#tell(caller, ahead);
  }

  /** Goes for a ticket of its own. */
  contend(): void {
    this.#state = { kind: "contending", contender: null, ahead: null };
    void this.#contend();
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

  async #contend(): Promise<void> {
    const { signal } = this.#abandoned;
    let contender: Contender | null = null;
    try {
      const port = await this.context.port(signal);
      signal.throwIfAborted();
      const writeHold = this.siblings.writers?.()?.holdOf(this.scope) ?? null;
      contender = new Contender(port, this.queue, () => (writeHold?.isHeld === true ? writeHold.ticket : null));
      if (this.#leaving !== null) contender.inherit(this.#leaving);
      this.#state = { kind: "contending", contender, ahead: null };
      const turn = await contender.turn(signal, (place) => this.#onQueued(place));
      // Everybody may have given up between the grant and now; then it is handed back.
      signal.throwIfAborted();
      const leansOnWriter = writeHold !== null && hasWritersBetween(writeHold.ticket, turn);
      if (leansOnWriter && !writeHold.isHeld) {
        // The write hold we entered behind has gone meanwhile, and other writers come first.
        await contender.leave();
        await this.#contend();
        return;
      }
      const hold = this.#holdOf(turn, contender);
      if (leansOnWriter) writeHold.keepPlaceFor(hold);
      this.#grant(hold);
    } catch (error) {
      if (contender !== null) this.context.background(contender.leave());
      this.#fail(error);
    }
  }

  #holdOf(turn: Turn, contender: Contender): ResourceHold {
    const { clock } = this.context;
    const grantedAtMs = clock.monotonicMs();
    const { token, wayFree } = turn;
    if (wayFree !== null) publishHandOver(this.queue, token, wayFree.local, grantedAtMs - wayFree.atMs);
    const Kind = this.queue.discipline.kind === "semaphore" ? PermitHold : ResourceHold;
    return new Kind(this.scope, this.queue, turn, contender, clock, (over) => {
      publishEnd(this.queue, token, clock.monotonicMs() - grantedAtMs, over.loss);
      this.#end(over);
    });
  }

  #grant(hold: ResourceHold): void {
    this.#state = { kind: "held", hold };
    for (const caller of this.#callers) {
      hold.enter();
      caller.settle({ kind: "granted", hold });
    }
    this.#callers.clear();
  }

  #onQueued({ ahead }: Place): void {
    if (this.#state.kind !== "contending") return;
    this.#state = { ...this.#state, ahead };
    this.#lastAhead = ahead;
    for (const caller of [...this.#callers]) this.#tell(caller, ahead);
  }

  #tell(caller: Caller, ahead: number): void {
    if (caller.isImpatient) void this.#giveUp(caller, "late", ahead);
    else {
      publishWait(this.queue, ahead, caller.elapsedMs);
      caller.patience.onQueued(ahead);
    }
  }

  /** One caller leaves; the others go on. When none is left, so does the ticket. */
  async #giveUp(caller: Caller, why: { aborted: unknown } | "late", ahead = this.#lastAhead): Promise<void> {
    if (!this.#callers.delete(caller)) return;
    caller.unhook();
    const contender = this.#state.kind === "contending" ? this.#state.contender : null;
    // The question goes out ahead of the delete, in the same burst.
    const survey = why === "late" ? contender?.survey() : undefined;
    const left = this.#callers.size === 0 ? this.#abandon() : undefined;
    if (why !== "late") {
      caller.settle({ kind: "aborted", reason: why.aborted });
      return;
    }
    const guess: Standing = ahead === undefined ? {} : { ahead };
    const lastWords = Promise.all([survey, left]).then(([known]) => ({ ...guess, ...known }));
    caller.settle({
      kind: "too-late",
      standing: await bounded(lastWords, LAST_WORDS_MS, this.context.clock, () => guess),
    });
  }

  #abandon(): Promise<void> | undefined {
    const left = this.#state.kind === "contending" ? this.#state.contender?.leave() : undefined;
    if (left !== undefined) this.context.background(left);
    this.#abandoned.abort();
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
    this.onOver(this, hold?.givenBack ?? null);
  }
}

/**
 * A reader has entered behind its own write hold. If other writers stand between the two tickets, they would be next when the
 * write ticket goes, with our reader still inside: then the write ticket has to keep its place until the reader has left.
 */
function hasWritersBetween(writer: Ticket, reader: Turn): boolean {
  return reader.queue.some(
    ({ sequence, demand }) => demand === "exclusive" && sequence > writer.sequence && sequence < reader.ticket.sequence,
  );
}
