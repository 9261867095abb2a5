/** The command line of a living process, "" when there is none of that number. */
export function commandLine(pid: number): string;

/** Whether a process stands still after a SIGSTOP: the signal takes a moment to reach all its threads. */
export function isStopped(pid: number): boolean;

/** The numbers of the processes that `pid` started and that have not ended. */
export function childrenOf(pid: number): number[];
