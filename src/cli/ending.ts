import type { Child } from "./child.js";
import { EXIT } from "./exit-codes.js";
import { Problem } from "./problem.js";

/** What the kernel may need to take down a process that was killed. */
const PATIENCE_AFTER_KILL_MS = 2_000;

/**
 * Ends the child and its group: SIGTERM, `graceMs` to follow it, SIGKILL. Without any grace it is SIGKILL at once.
 * @throws Problem 3 when it cannot be killed
 */
export async function endChild(child: Child, graceMs: number): Promise<void> {
  if (graceMs > 0) {
    child.signal("SIGTERM");
    // One that is stopped would not even notice.
    child.signal("SIGCONT");
    if (await child.gone(graceMs)) return;
  }
  // What is left of the group may be zombies that nobody has collected: only the child itself is waited for.
  child.signal("SIGKILL");
  if (!(await child.ended(PATIENCE_AFTER_KILL_MS))) {
    throw new Problem(`Process ${child.pid} could not be killed.`, EXIT.childTrouble);
  }
}
