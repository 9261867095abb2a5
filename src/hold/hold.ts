import { deferred } from "../common/abort.js";
import { announceGrant, announceKept, type Announcer } from "./announcements.js";
import type { Clock } from "../common/clock.js";
import type { Discipline } from "../queue/discipline.js";
import { Emitter } from "../common/emitter.js";
import { type LockError, type LockLostError, type LossReason, NotHeldError } from "../errors.js";
import { insist } from "../engine/until-answered.js";
import { later } from "../common/later.js";
import { lossError } from "./loss.js";
import { consultClock } from "./hold-signal.js";
import type { FencingToken, Ticket } from "../engine/ticket.js";
import { TicketGuard } from "./ticket-guard.js";
import type { Contender, Turn } from "../queue/contender.js";
import type { QueueOptions } from "../queue/queue-options.js";

/** What the body of `using` is handed: one grant. */
export interface Hold {
  /** To be sent along with each write. */
  readonly token: FencingToken;
  /** Aborts with LockLostError when the hold is over against our will. */
  readonly signal: AbortSignal;
  /** What is left of the lease, in milliseconds; it is prolonged all the time while we are in touch. */
  readonly leaseMs: number;
  /**
   * Throws unless the hold stands, by the lease clock.
   * @throws LockLostError when it was lost, NotHeldError when it was given back
   */
  assertHeld(): void;
}

interface HoldEvents {
  suspended: [];
  resumed: [];
  lost: [error: LockLostError];
  /** Somebody asks us to give it back. */
  "release-requested": [];
  /** Released or lost, at once. */
  over: [];
}

type State =
  | { readonly kind: "held" }
  | { readonly kind: "suspended" }
  | { readonly kind: "lost"; readonly reason: LossReason }
  | { readonly kind: "released" };

/** A hold that lasts longer than this watches its own ticket, to learn when an administrator deletes it. */
const WATCH_OWN_TICKET_AFTER_MS = 50;

/**
 * One grant, shared by all who entered it.
 *
 *     held ⇄ suspended → lost        (against our will: the lease, the session, the ticket, or close)
 *     held, suspended  → released    (the count is back at zero)
 */
export class ResourceHold extends Emitter<HoldEvents> implements Hold {
  readonly token: FencingToken;
  #state: State = { kind: "held" };
  #count = 0;
  /** How many bare acquires stand: while there is one, the hold is the whole process's, where it is the process's at all. */
  bareAcquires = 0;
  /** A reader of ours that relies on our ticket. */
  #dependent: ResourceHold | null = null;
  /** Made when somebody asks for the signal: most holds never need one. */
  #abort: AbortController | null = null;
  readonly #guard: TicketGuard;
  readonly #cancelGuard: () => void;
  readonly #cancelNews: () => void;

  constructor(
    /** Whose hold it is: the same object may enter it. */
    readonly scope: object,
    protected readonly options: QueueOptions,
    protected readonly turn: Turn,
    protected readonly contender: Contender,
    clock: Clock,
    private readonly onOver: (hold: ResourceHold) => void,
  ) {
    super();
    this.token = turn.token;
    const { session } = contender.port;
    session.on("disconnected", this.#onDisconnected).on("connected", this.#onConnected);
    session.on("lapsed", this.#onLapsed).on("ended", this.#onEnded);
    this.#guard = new TicketGuard(contender.port, turn.path, clock, {
      gone: () => this.lose("ticket-gone"),
      releaseRequested: () => this.emit("release-requested"),
    });
    this.#cancelGuard = clock.after(WATCH_OWN_TICKET_AFTER_MS, () => this.#guard.start());
    this.#cancelNews = announceGrant(this.#announcer, clock, () => this.#isCurrent());
  }

  /** By the lease clock: right after a pause of any length, before any event has been processed. */
  get isHeld(): boolean {
    // Looking at the lease is what ends it; the session then tells us, and the state is right.
    return this.#isCurrent() && this.contender.port.session.leaseMs > 0 && this.#isCurrent();
  }

  get leaseMs(): number {
    return this.isHeld ? this.contender.port.session.leaseMs : 0;
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      consultClock(this.#abort.signal, () => this.isHeld);
      if (this.loss !== null) this.#abort.abort(this.lossError());
    }
    return this.#abort.signal;
  }

  get resource(): string {
    return this.options.resource;
  }

  get directory(): string {
    return this.options.directory;
  }

  get kind(): Discipline["kind"] {
    return this.options.discipline.kind;
  }

  /** Whether others may hold at the same time. */
  get isShared(): boolean {
    return this.options.discipline.shared;
  }

  /** The manager's own, of all managers there may be. */
  isOf(queues: object): boolean {
    return this.options.manager === queues;
  }

  get count(): number {
    return this.#count;
  }

  get ticket(): Ticket {
    return this.turn.ticket;
  }

  /** The queue as it was at the grant. */
  get queue(): readonly Ticket[] {
    return this.turn.queue;
  }

  /** The name of the ticket that goes because the hold was released; null: it was not, or the ticket keeps its place. */
  get givenBack(): string | null {
    return this.#state.kind === "released" && this.#dependent === null ? this.turn.ticket.name : null;
  }

  /** Null while the hold stands, and when it was given back. */
  get loss(): LossReason | null {
    return this.#state.kind === "lost" ? this.#state.reason : null;
  }

  assertHeld(): void {
    if (!this.isHeld) throw this.overError();
  }

  /** Made anew for each who asks, so that its stack says who did. */
  lossError(cause?: unknown): LockLostError {
    return lossError(this, this.loss ?? "closed", cause);
  }

  enter(): void {
    this.#count += 1;
  }

  /** Gives one entry back; the last one gives the resource back, and resolves when the ticket is gone or left to the background. */
  async exit(): Promise<void> {
    this.#count -= 1;
    if (this.#count > 0 || !this.#isCurrent()) return;
    this.#end({ kind: "released" });
    if (this.#dependent === null) await this.contender.leave();
    else if (this.#dependent.isHeld) {
      this.#dependent.once("over", () => void this.contender.leave());
      announceKept(this.#announcer);
    } else await this.contender.leave();
  }

  /** Asks the quorum whether the ticket stands; the answer freshens the lease. @throws LockLostError, NotHeldError */
  async renew(): Promise<FencingToken> {
    const stands = await this.whileHeld(() => this.contender.port.confirm(this.turn.path));
    if (!stands) this.lose("ticket-gone");
    this.assertHeld();
    return this.token;
  }

  /** Insists on an answer. Nobody may ever give one; the end of the hold comes for certain. @throws LockLostError, NotHeldError */
  protected async whileHeld<T>(ask: () => Promise<T>): Promise<T> {
    const over = deferred<never>();
    const onOver = (): void => over.reject(this.overError());
    this.once("over", onOver);
    const askNow = (): Promise<T> => (this.isHeld ? ask() : Promise.reject(this.overError()));
    try {
      return await Promise.race([insist(askNow, this.contender.port.session, this.options.pause), over.promise]);
    } catch (error) {
      this.assertHeld();
      throw error;
    } finally {
      this.removeListener("over", onOver);
    }
  }

  /** Our ticket stays, beyond our own release, until `reader` is over; and if it is deleted, the reader is lost. */
  keepPlaceFor(reader: ResourceHold): void {
    this.#dependent = reader;
    const { port, options } = this.contender;
    const guard = new TicketGuard(port, this.turn.path, options.clock, { gone: () => reader.lose("ticket-gone") });
    guard.start();
    reader.once("over", () => guard.stop());
  }

  lose(reason: LossReason): void {
    if (!this.#isCurrent()) return;
    this.#end({ kind: "lost", reason });
    void this.contender.leave();
    const error = this.lossError();
    this.#abort?.abort(error);
    // Not from within whoever looked at the clock: a listener may do anything.
    later(() => this.emit("lost", error));
  }

  #end(state: State & { kind: "lost" | "released" }): void {
    this.#state = state;
    const { session } = this.contender.port;
    session.removeListener("disconnected", this.#onDisconnected).removeListener("connected", this.#onConnected);
    session.removeListener("lapsed", this.#onLapsed).removeListener("ended", this.#onEnded);
    this.#cancelGuard();
    this.#cancelNews();
    this.#guard.stop();
    this.onOver(this);
    this.emit("over");
  }

  get #announcer(): Announcer {
    return { port: this.contender.port, turn: this.turn, options: this.options };
  }

  /** What is said to those who still use it: that it was lost, or else that it has been given back. */
  overError(): LockError {
    return this.#state.kind === "lost"
      ? this.lossError()
      : new NotHeldError(`"${this.resource}" has been given back.`, this);
  }

  #isCurrent(): boolean {
    return this.#state.kind === "held" || this.#state.kind === "suspended";
  }

  readonly #onDisconnected = (): void => {
    if (!this.isHeld || this.#state.kind !== "held") return;
    this.#state = { kind: "suspended" };
    this.emit("suspended");
  };

  readonly #onConnected = (): void => {
    if (this.#state.kind === "suspended") {
      this.#state = { kind: "held" };
      this.emit("resumed");
    }
  };

  readonly #onLapsed = (): void => this.lose("lease-over");
  readonly #onEnded = (): void => this.lose("session-expired");
}
