/**
 * Makes `aborted` look at the clock before it answers, as `isHeld` does: after a pause of the process it is right before any
 * event has been processed. `consult` aborts the signal where the lease turns out to be over.
 */
export function consultClock(signal: AbortSignal, consult: () => void): void {
  let consulting = false;
  Object.defineProperty(signal, "aborted", {
    configurable: true,
    get(): boolean {
      if (!consulting) {
        consulting = true;
        consult();
        consulting = false;
      }
      return Reflect.get(AbortSignal.prototype, "aborted", signal);
    },
  });
}
