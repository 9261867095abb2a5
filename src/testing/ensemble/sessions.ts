import type { Clock } from "../../common/clock.js";
import { inBackground } from "../time/background.js";
import type { Random } from "../time/random.js";

/** The connection that carries a session at present. */
export interface Carrier {
  end(): void;
}

/** A session as the leader knows it. */
export class Session {
  carrier: Carrier | null = null;
  #expiresMs: number;
  /** When the leader will hear of the latest sign of life that a follower got. */
  #heardOfMs: number | null = null;

  constructor(
    readonly id: string,
    readonly password: string,
    readonly timeoutMs: number,
    private readonly tickMs: number,
    nowMs: number,
  ) {
    this.#expiresMs = this.#tickAfter(nowMs + timeoutMs);
  }

  /** The tick at which the session ends unless more is heard, as far as the leader knows by `nowMs`. */
  expiresMs(nowMs: number): number {
    if (this.#heardOfMs !== null && this.#heardOfMs <= nowMs)
      this.#expiresMs = this.#tickAfter(this.#heardOfMs + this.timeoutMs);
    return this.#expiresMs;
  }

  /** A sign of life. A follower passes it on with its next message to the leader, each half tick. */
  touch(nowMs: number, byFollower: boolean): void {
    this.expiresMs(nowMs);
    const halfTickMs = this.tickMs / 2;
    this.#heardOfMs = byFollower ? (Math.floor(nowMs / halfTickMs) + 1) * halfTickMs : nowMs;
  }

  #tickAfter(moment: number): number {
    return (Math.floor(moment / this.tickMs) + 1) * this.tickMs;
  }
}

/** The sessions that are alive. Expiry is looked at on ticks of the ensemble's own clock. */
export class Sessions {
  readonly #alive = new Map<string, Session>();
  #made = 0;
  #isFrozen = false;
  #alarm: { atMs: number; cancel: () => void } | null = null;

  /** @param expire is called for a session that has run out, to end it */
  constructor(
    private readonly clock: Clock,
    private readonly tickMs: number,
    private readonly random: Random,
    private readonly expire: (session: Session) => void,
  ) {}

  open(timeoutMs: number): Session {
    const id = (0x1000_0000_0000 + ++this.#made).toString(16);
    const session = new Session(id, this.random.hex(32), timeoutMs, this.tickMs, this.clock.monotonicMs());
    this.#alive.set(id, session);
    this.#watchOver();
    return session;
  }

  get(id: string): Session | undefined {
    return this.#alive.get(id);
  }

  get all(): readonly Session[] {
    return [...this.#alive.values()];
  }

  remove(id: string): void {
    this.#alive.delete(id);
    if (this.#alive.size === 0) this.stop();
  }

  /** No session expires any more, for good. */
  freeze(): void {
    this.#isFrozen = true;
    this.stop();
  }

  /** No session expires any more, until the next one is opened. */
  stop(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
  }

  #watchOver(): void {
    const nowMs = this.clock.monotonicMs();
    const atMs = this.all.reduce((earliest, session) => Math.min(earliest, session.expiresMs(nowMs)), Infinity);
    if (this.#isFrozen || atMs === Infinity || (this.#alarm !== null && this.#alarm.atMs <= atMs)) return;
    this.#alarm?.cancel();
    this.#alarm = { atMs, cancel: inBackground(this.clock, atMs - nowMs, () => this.#look()) };
  }

  #look(): void {
    this.#alarm = null;
    const nowMs = this.clock.monotonicMs();
    for (const session of this.all) if (session.expiresMs(nowMs) <= nowMs) this.expire(session);
    this.#watchOver();
  }
}
