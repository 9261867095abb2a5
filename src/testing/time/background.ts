import type { Clock } from "../../common/clock.js";

interface BackgroundClock extends Clock {
  background(delayMs: number, action: () => void): () => void;
}

/** A timer for what never comes to an end, like heartbeats: where the clock is virtual, nobody waits for it. */
export function inBackground(clock: Clock, delayMs: number, action: () => void): () => void {
  return "background" in clock ? (clock as BackgroundClock).background(delayMs, action) : clock.after(delayMs, action);
}
