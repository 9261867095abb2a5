/**
 * Promises that `pid` does not outlive this process, and that `directory` goes with it, even if this process is killed.
 * `marker` is a text from its command line by which it is known again. Returns the function that ends the promise, to be
 * called when the process is gone.
 */
export function reapWithUs(charge: { pid: number; marker: string; directory?: string }): () => void;

/** The process number of the reaper, so that a search for leaked children can leave it out. */
export function reaperPid(): number | undefined;
