import type { Clock } from "./clock.js";

/**
 * The one moment at which a call stops waiting, computed once. Without `timeoutMs` it never comes. Whoever waits for it
 * keeps the process alive until it has come, or is taken back.
 */
export class Deadline {
  readonly #at: number;
  #cancel: () => void = () => undefined;

  constructor(
    private readonly clock: Clock,
    timeoutMs: number | undefined,
  ) {
    this.#at = clock.monotonicMs() + (timeoutMs ?? Infinity);
  }

  /** Calls `action` when the moment has come. The returned function takes it back. */
  whenPassed(action: () => void): () => void {
    const leftMs = this.#at - this.clock.monotonicMs();
    if (leftMs === Infinity) return () => undefined;
    // A timer may be early by a fraction, and one for more than 24 days is cut: look again.
    const look = (): unknown => (this.clock.monotonicMs() >= this.#at ? action() : this.whenPassed(action));
    this.#cancel = this.clock.after(Math.ceil(leftMs), look, true);
    return () => this.#cancel();
  }
}
