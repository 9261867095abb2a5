import type { Child } from "./child.js";
import { Problem } from "../problem.js";

/** What the kernel may need to take down a process that was killed. */
const PATIENCE_AFTER_KILL_MS = 2_000;
/** Between two looks at what has been started while others were killed. */
const AGAIN_MS = 20;

/**
 * Ends the child and its session: SIGTERM, `graceMs` to follow it, SIGKILL. Without any grace it is SIGKILL at once.
 * @throws Problem 3 when something of it cannot be killed
 */
export async function endChild(child: Child, graceMs: number): Promise<void> {
  if (graceMs > 0) {
    child.signalAll("SIGTERM");
    // One that is stopped would not even notice.
    child.signalAll("SIGCONT");
    if (await child.gone(graceMs)) return;
  }
  const deadline = performance.now() + PATIENCE_AFTER_KILL_MS;
  do {
    child.signalAll("SIGKILL");
    if (await child.gone(AGAIN_MS)) return;
    const [refusing] = child.outOfReach;
    if (refusing !== undefined) throw unkillable(refusing, ": that is not allowed");
  } while (performance.now() < deadline);
  if (child.remaining !== undefined) throw unkillable(child.remaining);
}

function unkillable(pid: number, why = ""): Problem {
  return new Problem(`Process ${pid} could not be killed${why}.`, "childTrouble");
}
