import { spawn } from "node:child_process";
import type { Child } from "./child.js";
import { descriptorsForChild } from "./descriptors.js";

/**
 * Waits for the end of its standard input, which only the end of zk-lock brings about: also one by SIGKILL, after which
 * nobody else would end the child. A shell, because it starts in a millisecond and takes a megabyte. $1 is what to kill, $2
 * the session to end besides ("": none), $3 the seconds between the signals. A line of /proc/<pid>/stat is
 * "pid (name) state parent group session …".
 */
const SCRIPT = `
send() {
  kill -s "$1" -- "$2"
  if [ -n "$3" ]; then
    for stat in /proc/[0-9]*/stat; do
      if read -r line < "$stat"; then
        signal=$1 group=$2 session=$3
        set -- \${line##*) }
        if [ "$4" = "$session" ]; then kill -s "$signal" "\${line%% *}"; fi
        set -- "$signal" "$group" "$session"
      fi
    done
  fi
}
exec 2> /dev/null
read -r _ && exit
send TERM "$1" "$2"
sleep "$3"
send KILL "$1" "$2"`;

/** Ends the child when zk-lock is killed in a way that it cannot act upon. The returned function calls it off. */
export function watchOver(child: Child, graceMs: number): () => void {
  const session = child.sharesOurGroup ? "" : String(child.pid);
  const graceS = (graceMs / 1000).toFixed(3);
  const args = ["-c", SCRIPT, "zk-lock-watchdog", String(child.killTarget), session, graceS];
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
