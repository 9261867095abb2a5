import { type Clock, elapsedMs, type Instant, instantOf } from "../../common/clock.js";

/** A timer may be early by a little. */
const SHORTEST_DELAY_MS = 1;

/** What is known of a connection's traffic. */
interface Traffic {
  /** When the latest bytes came. */
  readonly heardAt: Instant;
  /** When the latest bytes left. */
  readonly sentAt: Instant;
  /** When the oldest request without an answer was sent. */
  readonly askedAt: Instant | undefined;
  /** Must be answered by `answered()`. */
  ping(): void;
  breakOff(reason: Error): void;
}

/**
 * Keeps a connection alive, and finds out that it is dead. Where nothing has come, or nothing has been said, for a sixth of the session
 * timeout, it pings. It breaks off after a third of silence, if a question has waited for half of that: the session is told as
 * suspended then, and there is another third in which a second connection, to this server or another one, can save its holds.
 * And it breaks off where one request is not answered within two thirds, whatever else comes.
 */
export class Heartbeat {
  readonly #beatMs: number;
  readonly #silenceMs: number;
  readonly #overdueMs: number;
  #pingedAt: Instant | undefined;
  #isStopped = false;
  #cancel: () => void;

  constructor(
    private readonly clock: Clock,
    timeoutMs: number,
    private readonly traffic: Traffic,
  ) {
    this.#beatMs = timeoutMs / 6;
    this.#silenceMs = timeoutMs / 3;
    this.#overdueMs = (timeoutMs * 2) / 3;
    this.#cancel = clock.after(this.#beatMs, () => this.#beat());
  }

  /** The server has answered a ping. */
  answered(): void {
    this.#pingedAt = undefined;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #beat(): void {
    if (this.#failure() === null) return this.#goOn();
    // While this process was busy, or asleep, an answer may have come that has not been read yet.
    this.clock.soon(() => {
      if (this.#isStopped) return;
      const failure = this.#failure();
      if (failure === null) this.#goOn();
      else this.traffic.breakOff(failure);
    });
  }

  #goOn(): void {
    const { heardAt, sentAt } = this.traffic;
    const now = instantOf(this.clock);
    const heardMs = elapsedMs(heardAt, now);
    const sentMs = elapsedMs(sentAt, now);
    if (sentMs >= this.#beatMs || (heardMs >= this.#beatMs && this.#pingedAt === undefined)) {
      this.#pingedAt ??= now;
      this.traffic.ping();
      this.#cancel = this.clock.after(this.#beatMs, () => this.#beat());
      return;
    }
    const waitedMs = this.#waitedMs(now);
    const dueMs = waitedMs > 0 ? Math.max(this.#silenceMs - heardMs, this.#beatMs - waitedMs) : this.#beatMs - heardMs;
    const delayMs = Math.max(SHORTEST_DELAY_MS, Math.min(dueMs, this.#beatMs - sentMs));
    this.#cancel = this.clock.after(delayMs, () => this.#beat());
  }

  /** Why the connection is to be given up; null: it is well. */
  #failure(): Error | null {
    const { heardAt, askedAt } = this.traffic;
    const now = instantOf(this.clock);
    if (elapsedMs(heardAt, now) >= this.#silenceMs && this.#waitedMs(now) >= this.#beatMs) {
      return new Error(`The server has been silent for ${Math.round(this.#silenceMs)} ms.`);
    }
    if (askedAt !== undefined && elapsedMs(askedAt, now) > this.#overdueMs) {
      return new Error(`A reply is overdue since ${Math.round(this.#overdueMs)} ms.`);
    }
    return null;
  }

  /** How long the oldest question has waited for its answer; 0 if there is none. */
  #waitedMs(now: Instant): number {
    const { askedAt } = this.traffic;
    return Math.max(
      askedAt === undefined ? 0 : elapsedMs(askedAt, now),
      this.#pingedAt === undefined ? 0 : elapsedMs(this.#pingedAt, now),
    );
  }
}
