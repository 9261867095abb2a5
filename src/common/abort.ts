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

/** Those who wait on one signal, behind a single listener of ours. */
const hubs = new WeakMap<AbortSignal, AbortHub>();

/**
 * Calls `listener` once when `signal` aborts, at once if it has aborted already. The returned function unhooks it.
 * However many wait on one signal, it has one listener of ours: a thousand acquires on the signal of a shutdown are no
 * leak, and Node does not warn of one; and to unhook one of them costs the same as if it were alone. (Linking by hand:
 * `AbortSignal.any` leaks on Node 20 and 22.)
 */
export function onAbort(signal: AbortSignal | undefined, listener: (reason: unknown) => void): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) {
    listener(signal.reason);
    return () => undefined;
  }
  let hub = hubs.get(signal);
  if (hub === undefined) hubs.set(signal, (hub = new AbortHub(signal)));
  return hub.add(listener);
}

class AbortHub {
  readonly #listeners = new Set<{ readonly call: (reason: unknown) => void }>();

  constructor(private readonly signal: AbortSignal) {}

  add(call: (reason: unknown) => void): () => void {
    const entry = { call };
    if (this.#listeners.size === 0) this.signal.addEventListener("abort", this.#onAbort);
    this.#listeners.add(entry);
    return () => {
      if (this.#listeners.delete(entry) && this.#listeners.size === 0) this.#unhook();
    };
  }

  readonly #onAbort = (): void => {
    this.#unhook();
    const reason: unknown = this.signal.reason;
    // One that an earlier one unhooks is not called any more.
    for (const entry of this.#listeners) {
      this.#listeners.delete(entry);
      try {
        entry.call(reason);
      } catch (error) {
        // As for any listener of an event: the others are called all the same.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  };

  #unhook(): void {
    this.signal.removeEventListener("abort", this.#onAbort);
  }
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
