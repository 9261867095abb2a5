import type { ZkLock } from "../../src/index.js";
import { nowMs } from "./clock.js";
import type { HistoryFile, WorkerNote } from "./history.js";

/** A line each so many milliseconds is enough, as long as the last one before anything else happens is there. */
const COARSE_MS = 20;

/**
 * What a hold says of itself, sampled again and again. A sample is a window: the clock is read before `isHeld` is asked and
 * after it has answered, because the process can be stopped in between. In that window, at some moment, it was so.
 */
export class Belief {
  #lastNotedMs = -Infinity;
  #pending: { from: number; at: number } | null = null;

  constructor(
    private readonly lock: ZkLock,
    private readonly id: number,
    private readonly history: HistoryFile<WorkerNote>,
  ) {}

  sample(): boolean {
    const from = nowMs();
    const isHeld = this.lock.isHeld;
    const at = nowMs();
    if (isHeld) {
      this.#pending = { from, at };
      if (at - this.#lastNotedMs > COARSE_MS) this.flush();
    } else {
      this.flush();
      this.history.note(at, { is: "not-held", id: this.id, from });
    }
    return isHeld;
  }

  /** Writes the latest "held" down, if it is not there yet. */
  flush(): void {
    if (this.#pending === null) return;
    const { from, at } = this.#pending;
    this.#pending = null;
    this.#lastNotedMs = at;
    this.history.note(at, { is: "held", id: this.id, from });
  }
}
