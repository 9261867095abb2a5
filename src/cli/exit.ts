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

/** As shells have it: a process that a signal ended counts as 128 + the signal's number. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

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
