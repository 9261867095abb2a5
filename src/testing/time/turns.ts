// Taken when the module is loaded, so that a test framework's fake timers do not stop virtual time too.
const nextMacrotask = globalThis.setImmediate;

const SMALLEST_BATCH = 4;
const LARGEST_BATCH = 64;

/**
 * Calls `step` until it returns false, each time in a macrotask of its own. Node settles all promises between two
 * immediates of one batch, so a step costs well under a microsecond and not a turn of the event loop.
 */
export function inTurns(step: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const once = (): void => {
      if (isOver) return;
      try {
        if (step()) return;
        isOver = true;
        resolve();
      } catch (error) {
        isOver = true;
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    const batch = (size: number): void => {
      if (isOver) return;
      for (let turn = 0; turn < size; turn++) nextMacrotask(once);
      nextMacrotask(batch, Math.min(size * 2, LARGEST_BATCH));
    };
    batch(SMALLEST_BATCH);
  });
}
