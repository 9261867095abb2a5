import type { Clock } from "../../common/clock.js";

/** Knows whether we are in one of the client's callbacks, or in the promises right after it. On virtual time only. */
export class CallbackWatch {
  #turn: number | undefined;

  constructor(private readonly clock: Clock) {}

  /** A callback is about to be called. */
  enter(): void {
    this.#turn = turnOf(this.clock);
  }

  get isInside(): boolean {
    return this.#turn !== undefined && this.#turn === turnOf(this.clock);
  }
}

/** Which of its things a virtual clock is doing; undefined on real time. */
function turnOf(clock: Clock): number | undefined {
  if ("turn" in clock) return clock.turn as number;
  return "base" in clock ? turnOf(clock.base as Clock) : undefined;
}
