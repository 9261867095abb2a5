import { performance } from "node:perf_hooks";
import { clearTimeout, setImmediate, setTimeout } from "node:timers";

/**
 * Time as the library sees it, in one place, so that a test can run on virtual time. All figures are milliseconds.
 */
export interface Clock {
  /** Rises steadily, whatever happens to the wall clock; may stand still while the machine sleeps. */
  monotonicMs(): number;
  /** The wall clock: it goes on while the machine sleeps, and may jump. */
  wallMs(): number;
  /**
   * Calls `action` once, `delayMs` from now; the returned function takes it back. It keeps the process alive only where
   * it is `awaited`: a caller waits for something until this moment at the latest, and must see how that ends.
   */
  after(delayMs: number, action: () => void, awaited?: boolean): () => void;
  /** Calls `action` in a macrotask of its own, as soon as may be. */
  soon(action: () => void): void;
}

/** A moment on both clocks: the monotonic one may stand still while the machine sleeps, the wall clock may jump. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function instantOf(clock: Clock): Instant {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
}

/** The larger of the two clocks' readings: a clock that jumped ahead is a reason to doubt. */
export function elapsedMs(from: Instant, to: Instant): number {
  return Math.max(to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs);
}

/** A time as people read it: nobody wants to know a millisecond's trillionth. */
export function readableMs(ms: number): number {
  return ms < 1 ? Number(ms.toPrecision(1)) : Math.round(ms);
}

/**
 * setTimeout fires at once for delays that do not fit 32 bits; a longer wait is cut, and its owner looks again. See
 * Deadline.
 */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Node's own time, whatever becomes of the globals: a test runner's fake timers must not stop a lease that a real
 * server counts, and a browser-like environment has other timers, or none. Taken now, for they may be replaced later.
 */
const now = Date.now.bind(Date);
const monotonicNow = performance.now.bind(performance);

export const systemClock: Clock = {
  monotonicMs: monotonicNow,
  wallMs: now,
  after(delayMs, action, awaited = false) {
    const timer = setTimeout(action, Math.min(Math.max(0, Math.ceil(delayMs)), LONGEST_TIMER_MS));
    if (!awaited) timer.unref();
    return () => clearTimeout(timer);
  },
  soon(action) {
    setImmediate(action);
  },
};
