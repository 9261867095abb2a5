import { deferred } from "../common/abort.js";
import { type Clock, type Instant, elapsedMs, instantOf } from "../common/clock.js";
import { Emitter } from "../common/emitter.js";
import { SessionFullError, SessionLostError } from "../errors.js";

/**
 * What may be believed of a session. `connected`: it answers. `suspended`: it does not answer, and the lease still runs.
 * `lost`: the lease is over, or the session has ended.
 */
export type SessionState = "connected" | "suspended" | "lost";

/** What is to be known of a manager's session, as of now. */
export interface SessionStatus {
  /** Hexadecimal; empty before the first session. */
  readonly id: string;
  /** Whether the session answers, and whether its lease still runs. */
  readonly state: SessionState;
  /** As negotiated with the server, in milliseconds. */
  readonly timeoutMs: number;
  /** What is left of the lease, in milliseconds: the time in which we may still believe that what we hold is ours. */
  readonly leaseMs: number;
}

interface SessionEvents {
  /** In touch, for the first time or again. */
  connected: [];
  /** Out of touch: no connection, or no answer for a third of the timeout. The lease may still be running. */
  disconnected: [];
  /** The lease is over: whoever held anything must stop believing it. The session itself may still come back. */
  lapsed: [];
  /** The service ended the session, or we closed it: its tickets are gone, and so is this object's use. */
  ended: [];
  /** Nobody has a ticket any more. */
  unused: [];
}

/** Of a session that lives three things are known, and each changes on its own; of one that has ended, nothing more. */
type State = Alive | { readonly kind: "ended" };

interface Alive {
  readonly kind: "alive";
  /** There is a connection, as far as the last event says. */
  link: "up" | "down";
  /** `silent`: nothing has been heard for a third of the timeout. */
  servers: "heard" | "silent";
  /** `over`: what was held is lost, until an answer begins a new lease. */
  lease: "running" | "over";
}

/**
 * ZooKeeper ends a session by one transaction that names all its ephemeral nodes. Past one to two megabytes no server can read
 * that back, and the ensemble serves nobody any more (ZOOKEEPER-4306); so the bytes of the tickets are counted, and bounded.
 */
const MAX_TICKET_BYTES = 900_000;
const BYTES_PER_PATH = 4;

/**
 * One session as we may believe in it: the lease.
 *
 * An answer that passed the quorum proves that the servers heard us when the request was *sent*. The lease runs two thirds
 * of the session timeout from the latest such moment; the last third is more than the half tick by which a follower can be
 * late to tell the leader of us, so the lease ends before the session can. (Reads prove nothing: a follower cut off from
 * the leader goes on answering them for `syncLimit` ticks, while the leader ends the session.)
 *
 * A third of the timeout without an answer is silence, which is told as a connection that is down: half of the lease is over then.
 * It says nothing about the connection itself, on which the next answer may come at any moment.
 *
 * States: connected ⇄ suspended → lost, and back to connected when the same session answers again; `ended` is final.
 */
export class Session extends Emitter<SessionEvents> {
  readonly leaseDurationMs: number;
  #state: State = { kind: "alive", link: "up", servers: "heard", lease: "running" };
  #users = 0;
  #ticketBytes = 0;
  #heardAt: Instant;
  /** Silence is counted from here: the latest answered request's sending, or the moment at which a server took us in. */
  #signOfLifeAt: Instant;
  readonly #silenceMs: number;
  #disarm: () => void = () => undefined;
  readonly #clock: Clock;

  /**
   * @param heardAt when the request that made the session was sent
   * @param chroot what the client writes in front of each path
   */
  constructor(
    readonly id: string,
    readonly timeoutMs: number,
    clock: Clock,
    heardAt: Instant,
    private readonly chroot = "",
  ) {
    super();
    this.#clock = clock;
    this.leaseDurationMs = Math.floor((timeoutMs * 2) / 3);
    this.#heardAt = this.#signOfLifeAt = heardAt;
    this.#silenceMs = timeoutMs / 3;
    this.#arm();
  }

  get state(): SessionState {
    if (this.leaseMs <= 0 || this.#state.kind === "ended") return "lost";
    this.#lookForSilence(this.#state);
    return this.#state.link === "up" && this.#state.servers === "heard" ? "connected" : "suspended";
  }

  get ended(): boolean {
    return this.#state.kind === "ended";
  }

  /** There is a connection, as far as the last event says; whether it is answered is another matter. */
  get isLinked(): boolean {
    return this.#state.kind === "alive" && this.#state.link === "up";
  }

  /** What is left of the lease, in milliseconds. Looking at it is what ends it: no timer needs to have fired before. */
  get leaseMs(): number {
    if (this.#state.kind === "ended") return 0;
    const left = this.leaseDurationMs - this.#sinceMs(this.#heardAt);
    if (left > 0 && this.#state.lease === "running") return left;
    this.#lapse(this.#state);
    return 0;
  }

  /** The quorum answered a request that was sent at `sentAt`. */
  heard(sentAt: Instant): void {
    const state = this.#state;
    if (state.kind === "ended" || sentAt.monotonicMs < this.#heardAt.monotonicMs) return;
    const leftWhenSent = this.leaseDurationMs - elapsedMs(this.#heardAt, sentAt);
    // A gap in what is proven: what was held across it is lost, even if nobody had looked at the clock yet.
    if (leftWhenSent <= 0) this.#lapse(state);
    this.#heardAt = sentAt;
    if (this.leaseDurationMs - this.#sinceMs(sentAt) <= 0) {
      this.#lapse(state);
      return;
    }
    const breaksSilence = this.#signOfLife(state, sentAt);
    if (state.lease === "running" && !breaksSilence) return;
    state.lease = "running";
    this.#arm();
    if (state.link === "up") this.emit("connected");
  }

  /** How long ago the quorum last heard us for certain, in milliseconds. */
  get silentMs(): number {
    return this.#sinceMs(this.#heardAt);
  }

  /**
   * Somebody takes a ticket at `path`: the lease is worth a write now and then. To be called before the ticket is asked for; the
   * returned function ends the use, once the ticket is gone for certain.
   * @throws SessionFullError when the session has as many tickets as ZooKeeper can end in one go
   */
  use(path: string): () => void {
    const bytes = Buffer.byteLength(this.chroot) + Buffer.byteLength(path) + BYTES_PER_PATH;
    if (this.#ticketBytes + bytes > MAX_TICKET_BYTES) {
      throw new SessionFullError(
        `This session has ${this.#users} tickets already, as many as ZooKeeper can end in one go. Use another manager, which has a session of its own, or hold and wait for fewer locks at a time.`,
      );
    }
    this.#users += 1;
    this.#ticketBytes += bytes;
    let using = true;
    return () => {
      if (!using) return;
      using = false;
      this.#users -= 1;
      this.#ticketBytes -= bytes;
      if (this.#users === 0) this.emit("unused");
    };
  }

  get inUse(): boolean {
    return this.#users > 0;
  }

  linkUp(): void {
    const state = this.#state;
    if (state.kind === "ended" || state.link === "up") return;
    state.link = "up";
    this.#signOfLife(state, instantOf(this.#clock));
    this.#arm();
    this.emit("connected");
  }

  linkDown(): void {
    const state = this.#state;
    if (state.kind === "ended" || state.link === "down") return;
    state.link = "down";
    if (state.servers === "heard") this.emit("disconnected");
  }

  /** Resolves in touch, at once or when we are again. @throws SessionLostError when the session has ended */
  async linked(): Promise<void> {
    if (!this.isLinked && !this.ended) {
      const changed = deferred<void>();
      this.once("connected", changed.resolve).once("ended", changed.resolve);
      await changed.promise;
      this.removeListener("connected", changed.resolve).removeListener("ended", changed.resolve);
    }
    if (this.ended) throw new SessionLostError("The session has ended.");
  }

  end(): void {
    if (this.ended) return;
    this.#state = { kind: "ended" };
    this.#disarm();
    this.emit("ended");
  }

  #lapse(state: Alive): void {
    if (state.lease === "over") return;
    state.lease = "over";
    this.#disarm();
    this.emit("lapsed");
  }

  /** Looks when the lease, or before it the third of the timeout, would be over; as often as it was prolonged meanwhile. */
  #arm(): void {
    this.#disarm();
    if (this.#state.kind === "ended") return;
    this.#lookForSilence(this.#state);
    const leaseMs = this.leaseMs;
    if (leaseMs <= 0) return;
    const isSilent = this.#state.servers === "silent";
    const nextMs = isSilent ? leaseMs : Math.min(leaseMs, this.#silenceMs - this.#sinceMs(this.#signOfLifeAt));
    // In whole milliseconds: a remainder too small to move the clock would have us look for ever.
    this.#disarm = this.#clock.after(Math.ceil(nextMs), () => this.#arm());
  }

  #lookForSilence(state: Alive): void {
    if (state.servers === "silent" || this.#sinceMs(this.#signOfLifeAt) < this.#silenceMs) return;
    state.servers = "silent";
    if (state.link === "up") this.emit("disconnected");
  }

  /** True where it ends a silence. */
  #signOfLife(state: Alive, at: Instant): boolean {
    if (at.monotonicMs > this.#signOfLifeAt.monotonicMs) this.#signOfLifeAt = at;
    if (state.servers === "heard" || this.#sinceMs(this.#signOfLifeAt) >= this.#silenceMs) return false;
    state.servers = "heard";
    return true;
  }

  /** By whichever clock went further: one that jumped is a reason to doubt, and doubt ends the lease. */
  #sinceMs(past: Instant): number {
    return elapsedMs(past, instantOf(this.#clock));
  }
}
