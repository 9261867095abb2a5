import { spawn } from "node:child_process";
import type { Child } from "./child.js";
import { descriptorsForChild } from "./descriptors.js";

/**
 * Waits for the end of its standard input, which only the end of zk-lock brings about: also one by SIGKILL, after which
 * nobody else would end the child. A shell, because it starts in a millisecond and takes a megabyte.
 */
const SCRIPT = 'read -r _ || { kill -s TERM -- "$1"; sleep "$2"; kill -s KILL -- "$1"; } 2>/dev/null';

/** Ends the child when zk-lock is killed in a way that it cannot act upon. The returned function calls it off. */
export function watchOver(child: Child, graceMs: number): () => void {
  const args = ["-c", SCRIPT, "zk-lock-watchdog", String(child.killTarget), (graceMs / 1000).toFixed(3)];
  // In a group of its own, so that whoever kills ours does not kill it too.
  const watchdog = spawn("/bin/sh", args, {
    detached: true,
    stdio: ["pipe", "ignore", "ignore", ...descriptorsForChild()],
  });
  // Where there is no shell there is no watchdog: the child runs all the same.
  watchdog.on("error", () => undefined);
  watchdog.stdin?.on("error", () => undefined);
  watchdog.unref();
  return () => void watchdog.kill("SIGKILL");
}
