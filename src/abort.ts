/** A promise and the means to settle it, for where the two ends live in different places. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/**
 * Calls `listener` once when `signal` aborts, at once if it has aborted already. The returned function unhooks it. (Linking by
 * hand: `AbortSignal.any` leaks on Node 20 and 22.)
 */
export function onAbort(signal: AbortSignal | undefined, listener: (reason: unknown) => void): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) {
    listener(signal.reason);
    return () => undefined;
  }
  const aborted = (): void => listener(signal.reason);
  signal.addEventListener("abort", aborted, { once: true });
  return () => signal.removeEventListener("abort", aborted);
}

/** `promise`, or a rejection with the signal's reason as soon as it aborts. The work behind the promise goes on. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = deferred<never>();
  const unhook = onAbort(signal, (reason) => aborted.reject(reason));
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    unhook();
  }
}
