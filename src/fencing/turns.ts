import { E_TIMEOUT, Mutex, withTimeout } from "async-mutex";
import { busyFence } from "./errors.js";

/** One writer at a time inside this process, first come first served. */
export class Turns {
  readonly #mutex = new Mutex();

  /** Waits for the turn and gives the function that ends it; FenceBusyError after `waitTimeoutMs`. */
  async take(resource: string | undefined, waitTimeoutMs: number): Promise<() => void> {
    try {
      return await withTimeout(this.#mutex, waitTimeoutMs, E_TIMEOUT).acquire();
    } catch (error) {
      throw error === E_TIMEOUT ? busyFence(resource, waitTimeoutMs) : error;
    }
  }

  /** Nobody has the turn, so nobody waits for it either. */
  get idle(): boolean {
    return !this.#mutex.isLocked();
  }
}
