/** Node's own, taken now: fake timers may replace the global one, and would hold back what we have to tell. */
export const microtask = globalThis.queueMicrotask;

/**
 * Tells a listener of the user's, in a moment: it may throw, or call us back, and neither may happen in the middle of
 * what we are doing. What it throws is an uncaught exception, as from any event.
 */
export function later(emit: () => void): void {
  microtask(emit);
}
