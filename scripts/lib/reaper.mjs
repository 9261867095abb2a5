import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The reaper of this process, while there is something to reap. */
let reaper;
let charges = 0;
let lastId = 0;

/**
 * Promises that `pid` does not outlive this process, and that `directory` goes with it, even if this process is killed.
 * `marker` is a text from its command line by which it is known again. Returns the function that ends the promise, to be
 * called when the process is gone.
 * @param {{ pid: number; marker: string; directory?: string }} charge
 * @returns {() => void}
 */
export function reapWithUs({ pid, marker, directory }) {
  const id = (lastId += 1);
  charges += 1;
  reaper ??= startReaper();
  tell({ id, pid, marker, directory });
  let kept = true;
  return () => {
    if (!kept) return;
    kept = false;
    tell({ id, forget: true });
    charges -= 1;
    if (charges === 0) {
      reaper.stdin.end();
      reaper = undefined;
    }
  };
}

/**
 * The process number of the reaper, so that a search for leaked children can leave it out.
 * @returns {number | undefined}
 */
export function reaperPid() {
  return reaper?.pid;
}

function tell(message) {
  reaper.stdin.write(`${JSON.stringify(message)}\n`);
}

function startReaper() {
  const script = fileURLToPath(new URL("reaper-process.mjs", import.meta.url));
  // In a session of its own, so that Ctrl-C in the terminal, which reaches us all, does not take it down first.
  const child = spawn(process.execPath, [script], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  child.unref();
  child.stdin.unref?.();
  return child;
}
