import { asError, isError } from "../thrown.js";

/** How long a clean-up statement may take before the connection counts as broken. */
const CLEAN_UP_TIMEOUT_MS = 5_000;

/**
 * Waits for a clean-up step, and gives the error where it failed or took too long. The caller decides what a connection
 * is still worth, and its own error stays the one that is thrown.
 */
export async function cleanUp(step: () => Promise<unknown>): Promise<Error | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const tooSlow = new Error(`The clean-up did not end within ${CLEAN_UP_TIMEOUT_MS} ms.`);
    timer = setTimeout(() => reject(tooSlow), CLEAN_UP_TIMEOUT_MS);
  });
  try {
    await Promise.race([step(), timeout]);
    return undefined;
  } catch (error) {
    return asError(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Hangs a failed clean-up on the error that made it necessary, as `suppressed`, without changing which error it is. */
export function attachSuppressed(error: unknown, suppressed: Error | undefined): void {
  if (suppressed === undefined || suppressed === error || !isError(error)) return;
  Reflect.defineProperty(error, "suppressed", {
    value: suppressed,
    configurable: true,
    writable: true,
    enumerable: false,
  });
}
