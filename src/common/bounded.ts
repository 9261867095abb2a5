import pTimeout from "p-timeout";
import type { Clock } from "./clock.js";
import { Deadline } from "./deadline.js";

/**
 * `work`, or what `otherwise` gives when it has taken `patienceMs`; the work itself goes on. On the clock's time. The
 * process is kept alive until then, for somebody awaits it.
 */
export function bounded<T>(work: Promise<T>, patienceMs: number, clock: Clock, otherwise: () => T): Promise<T> {
  return pTimeout(work, {
    milliseconds: patienceMs,
    fallback: otherwise,
    customTimers: {
      setTimeout: ((action: () => void, delayMs: number) => new Deadline(clock, delayMs).whenPassed(action)) as never,
      clearTimeout: ((cancel?: () => void) => cancel?.()) as never,
    },
  });
}
