/** One wait: for whom, how long at most, and when that is, by the monotonic clock. */
export interface BusyWait {
  readonly resource: string | undefined;
  readonly waitTimeoutMs: number;
  readonly deadlineMs: number;
}

export function startWait(resource: string | undefined, waitTimeoutMs: number): BusyWait {
  return { resource, waitTimeoutMs, deadlineMs: performance.now() + waitTimeoutMs };
}

/** What is left of the wait, in whole milliseconds; at least 1, because to the stores 0 means no limit. */
export function leftOf(wait: BusyWait): number {
  return Math.max(1, Math.ceil(wait.deadlineMs - performance.now()));
}
