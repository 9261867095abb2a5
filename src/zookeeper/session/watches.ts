import { SessionFullError } from "../../errors.js";

/**
 * The client re-registers all watches in one message of at most 1 MiB; past that it would reconnect for ever. (16,000
 * watches on ordinary ticket paths; counted here in bytes.)
 */
const MAX_WATCHED_BYTES = 900_000;
const BYTES_PER_WATCH = 4;

/**
 * The client's default watcher, dispatched by path: one watch on the server however many listeners, none of the client's
 * leaked watcher functions.
 */
export class Watches {
  readonly #listeners = new Map<string, Set<() => void>>();
  /** Paths with a watch on the server that has not fired. */
  readonly #armed = new Set<string>();
  #armedBytes = 0;
  readonly #bytesPerWatch: number;

  /** @param chroot what the client writes in front of each path */
  constructor(chroot = "") {
    this.#bytesPerWatch = Buffer.byteLength(chroot) + BYTES_PER_WATCH;
  }

  /** @throws SessionFullError when the session has as many watches as it can re-register */
  arm(path: string, listener: () => void): () => void {
    this.#count(path);
    const listeners = this.#listeners.get(path) ?? new Set();
    this.#listeners.set(path, listeners.add(listener));
    return () => {
      if (listeners.delete(listener) && listeners.size === 0 && this.#listeners.get(path) === listeners) {
        this.#listeners.delete(path);
      }
    };
  }

  /** The server has no watch here after all: the node was missing. */
  disarm(path: string): void {
    if (this.#armed.delete(path)) this.#armedBytes -= this.#sizeOf(path);
  }

  fire(path: string): void {
    this.disarm(path);
    const listeners = this.#listeners.get(path);
    this.#listeners.delete(path);
    for (const listener of listeners ?? []) listener();
  }

  /** A new connection starts without watches; who listens looks again by itself. */
  reset(): void {
    this.#armed.clear();
    this.#armedBytes = 0;
  }

  #count(path: string): void {
    if (this.#armed.has(path)) return;
    if (this.#armedBytes + this.#sizeOf(path) > MAX_WATCHED_BYTES) {
      throw new SessionFullError(
        `This session watches ${this.#armed.size} nodes already, as many as ZooKeeper can re-register after a reconnect. Wait for fewer locks at a time, or use several managers.`,
      );
    }
    this.#armed.add(path);
    this.#armedBytes += this.#sizeOf(path);
  }

  #sizeOf(path: string): number {
    return Buffer.byteLength(path) + this.#bytesPerWatch;
  }
}
