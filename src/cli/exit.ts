import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";

/** What zk-lock's own exit codes mean; all others are those of the child. */
export const EXIT = {
  ok: 0,
  notAcquired: 1,
  unreachable: 1,
  lost: 2,
  childTrouble: 3,
  noPong: 4,
  usage: 64,
} as const;

/** Why zk-lock ends with a code of its own. */
export type Failure = Exclude<keyof typeof EXIT, "ok">;

/** The codes of failures; `run` has options that name others. */
export type ExitCodes = Readonly<Record<Failure, number>>;

/** What zk-lock ends with: an exit code, or the signal that it dies of. */
export type End = number | NodeJS.Signals;

/** The table for people, in the help, the manual page and the docs. */
export const EXIT_CODES: readonly { readonly code: string; readonly meaning: string }[] = [
  { code: "0-255", meaning: "of run: the exit code of the command, if none of the following" },
  {
    code: "1",
    meaning: "the lock was not acquired (of the other subcommands: it did not work); -E names another code",
  },
  { code: "1", meaning: "ZooKeeper could not be reached; --unreachable-exit-code names another code" },
  { code: "2", meaning: "the lock was lost, and the command was ended" },
  { code: "3", meaning: "the command could not be started, or not be killed" },
  { code: "4", meaning: "the Node module did not answer its pings, and was ended" },
  { code: "64", meaning: "the command line is wrong" },
  {
    code: "128+n",
    meaning:
      "in the eyes of a shell: signal n ended the command, or zk-lock while it waited, and zk-lock has died of the same signal",
  },
];

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

/** As shells have it: a process that a signal ended counts as 128 + the signal's number. */
function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
