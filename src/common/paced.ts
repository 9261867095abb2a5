import type { Clock } from "./clock.js";

/** A few milliseconds' worth of what users do with an outcome. */
const PER_TURN = 250;

/**
 * Does many small things in the order given, so many to a turn of the event loop and the rest in the turns after it.
 * What else the process has to do, ZooKeeper's heartbeats among it, gets in between.
 */
export class Paced {
  /** What is to be done in later turns, from `#next` on; there is none where anything is left of this turn. */
  #waiting: (() => void)[] = [];
  #next = 0;
  #left = PER_TURN;
  #turnIsDue = false;

  constructor(private readonly clock: () => Clock) {}

  /** Now, where few have been done in this turn. */
  run(action: () => void): void {
    this.#awaitTurn();
    if (this.#left > 0) {
      this.#left -= 1;
      action();
    } else {
      this.#waiting.push(action);
    }
  }

  /** Resolves at once where little has been done in this turn, else in a later one. */
  room(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }

  /** `action` for each, paced; resolves after the last one. */
  async each<T>(items: Iterable<T>, action: (item: T) => void): Promise<void> {
    let count = 0;
    for (const item of items) {
      action(item);
      count += 1;
      if (count % PER_TURN === 0) await new Promise<void>((resolve) => this.clock().soon(resolve));
    }
  }

  #awaitTurn(): void {
    if (this.#turnIsDue) return;
    this.#turnIsDue = true;
    this.clock().soon(() => this.#turn());
  }

  #turn(): void {
    this.#turnIsDue = false;
    const end = Math.min(this.#next + PER_TURN, this.#waiting.length);
    this.#left = PER_TURN - (end - this.#next);
    if (this.#next === end) return;
    this.#awaitTurn();
    while (this.#next < end) this.#waiting[this.#next++]?.();
    if (this.#next < this.#waiting.length) return;
    this.#waiting = [];
    this.#next = 0;
  }
}
