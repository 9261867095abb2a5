import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { type End, exitCodeOfSignal } from "./exit-codes.js";

/** The signals for which a system writes the memory of a process into a file. */
const DUMPING: readonly NodeJS.Signals[] = [
  ...(["SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGIOT", "SIGBUS"] as const),
  ...(["SIGFPE", "SIGSEGV", "SIGXCPU", "SIGXFSZ", "SIGSYS"] as const),
];
/** In a moment a signal has come that was sent to ourselves. */
const MOMENT_MS = 1_000;

/**
 * Ends this process. For a signal it dies of that very signal, so that shells stop their loops and systemd knows why; where
 * that cannot be, it exits with 128 + the signal's number, which is what a shell makes of both.
 */
export function endProcess(end: End): void {
  if (typeof end === "number") process.exit(end);
  const code = exitCodeOfSignal(end);
  // To the first process of a container the kernel gives no signal that it has no handler for.
  if (process.pid === 1 || (DUMPING.includes(end) && !withoutDump())) process.exit(code);
  setTimeout(() => process.exit(code), MOMENT_MS);
  try {
    // Node ignores SIGPIPE, and has a handler of its own for SIGUSR1. Taking off a last listener sets both to their default.
    const nothing = (): void => undefined;
    if (end !== "SIGKILL" && end !== "SIGSTOP") process.on(end, nothing).removeListener(end, nothing);
    process.kill(process.pid, end);
  } catch {
    process.exit(code);
  }
}

/**
 * Sees to it that our death leaves no core file, which could replace the command's. Node cannot change its own limits; prlimit
 * of util-linux can. One byte instead of none, because handlers of cores, as systemd's, are not called for that.
 */
function withoutDump(): boolean {
  const { status } = spawnSync("prlimit", ["--pid", String(process.pid), "--core=1"], { stdio: "ignore" });
  return status === 0 || hasNoDumps();
}

function hasNoDumps(): boolean {
  try {
    return /^Max core file size\s+0\s/m.test(readFileSync("/proc/self/limits", "utf8"));
  } catch {
    return false;
  }
}
