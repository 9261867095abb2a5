import { setTimeout as sleep } from "node:timers/promises";

export interface UntilOptions {
  /** What is waited for, for the error: "the middle waiter's ticket to go". */
  what: string;
  /** How long it may take, in milliseconds. Default 10,000. */
  timeoutMs?: number;
  /** How long to wait between two looks, in milliseconds. Default 10. */
  everyMs?: number;
}

/**
 * Waits for a condition with a deadline, and resolves with the truthy value that met it. A condition that throws counts as
 * not met; the last error goes into ours as its cause.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = 10_000, everyMs = 10 }: UntilOptions,
): Promise<Exclude<T, false | null | undefined | 0 | "">> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    let last: unknown;
    try {
      const value = await condition();
      if (value) return value as Exclude<T, false | null | undefined | 0 | "">;
      last = value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      const found = cause === undefined ? String(last) : cause instanceof Error ? cause.message : "an error";
      throw new Error(`Waited ${timeoutMs} ms in vain for ${what}; the last look gave: ${found}`, { cause });
    }
    await sleep(everyMs);
  }
}
