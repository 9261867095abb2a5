import type { Clock } from "../../src/common/clock.js";

/** Time that stands still until a test moves it. */
export class HandDrivenClock implements Clock {
  #monotonicMs = 1_000;
  #wallMs = 1_700_000_000_000;
  #timers: { at: number; action: () => void }[] = [];

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { at: this.#monotonicMs + delayMs, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  soon(action: () => void): void {
    this.after(0, action);
  }

  /** Lets time go by, and fires what is due, each at its time. */
  pass(ms: number): void {
    const end = this.#monotonicMs + ms;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#move(next.at - this.#monotonicMs);
      next.action();
    }
    this.#move(end - this.#monotonicMs);
  }

  /** Time goes by and nothing runs, as while the process is stopped. */
  stopFor(ms: number): void {
    this.#move(ms);
  }

  /** The wall clock alone jumps, as while the machine sleeps, or when somebody sets it. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  get timers(): number {
    return this.#timers.length;
  }

  #move(ms: number): void {
    this.#monotonicMs += ms;
    this.#wallMs += ms;
  }
}
