import type { Clock } from "../../common/clock.js";

/**
 * One direction of one connection: messages arrive in order, each after its latency, and wait while the way is blocked.
 */
export class Channel<T> {
  readonly #messages: T[] = [];
  #lastArrivalMs = 0;
  #isBlocked = false;
  #isClosed = false;
  /** Messages that would have arrived, had the way not been blocked. */
  #stuck = 0;

  /**
   * @param latencyMs how long the next message takes
   * @param receiverClock the clock of the process that receives, which may be stopped; null: nobody's
   */
  constructor(
    private readonly clock: Clock,
    private readonly latencyMs: () => number,
    private readonly receiverClock: Clock | null,
    private readonly receive: (message: T) => void,
  ) {}

  /** How many messages are on their way. */
  get inFlight(): number {
    return this.#messages.length;
  }

  send(message: T): void {
    if (this.#isClosed) return;
    this.#messages.push(message);
    const nowMs = this.clock.monotonicMs();
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, nowMs + this.latencyMs());
    this.#arriveIn(this.#lastArrivalMs - nowMs);
  }

  /** Blocks the way; what is sent meanwhile is not lost, but comes when the way is free, as TCP sees to. */
  block(isBlocked: boolean): void {
    this.#isBlocked = isBlocked;
    if (isBlocked) return;
    for (; this.#stuck > 0; this.#stuck--) this.#arriveIn(0);
  }

  /** The first `count` messages on their way arrive this instant. */
  flush(count = Infinity): void {
    for (let left = Math.min(count, this.#messages.length); left > 0; left--) this.#deliver();
  }

  /** What is on its way is lost. */
  close(): void {
    this.#isClosed = true;
    this.#messages.length = 0;
  }

  #arriveIn(delayMs: number): void {
    const { receiverClock } = this;
    const deliver = (): void => this.#deliver();
    if (delayMs <= 0) (receiverClock ?? this.clock).soon(deliver);
    else this.clock.after(delayMs, receiverClock === null ? deliver : () => receiverClock.soon(deliver));
  }

  #deliver(): void {
    if (this.#messages.length === 0) return;
    if (this.#isBlocked) {
      this.#stuck++;
      return;
    }
    this.receive(this.#messages.shift() as T);
  }
}
