import type { Clock } from "../../common/clock.js";
import { inBackground } from "../time/background.js";

interface Listener {
  /** A third of the timeout has passed without a send. */
  quiet(): void;
  /** Two thirds of the timeout have passed without a sign of the server. */
  silent(): void;
}

/** How a client keeps its session alive, and finds out that the connection is dead: by its own process's clock. */
export class Heartbeat {
  #timeoutMs = 0;
  #sentMs = 0;
  #receivedMs = 0;
  #cancel: () => void = () => {};

  constructor(
    private readonly clock: Clock,
    private readonly listener: Listener,
  ) {}

  start(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#sentMs = this.#receivedMs = this.clock.monotonicMs();
    this.#plan();
  }

  stop(): void {
    this.#cancel();
  }

  sent(): void {
    this.#sentMs = this.clock.monotonicMs();
  }

  received(): void {
    this.#receivedMs = this.clock.monotonicMs();
  }

  #plan(): void {
    this.#cancel();
    const nowMs = this.clock.monotonicMs();
    const silentInMs = this.#receivedMs + (this.#timeoutMs * 2) / 3 - nowMs;
    if (silentInMs <= 0) return this.listener.silent();
    let quietInMs = this.#sentMs + this.#timeoutMs / 3 - nowMs;
    if (quietInMs <= 0) {
      this.listener.quiet();
      quietInMs = this.#timeoutMs / 3;
    }
    this.#cancel = inBackground(this.clock, Math.min(silentInMs, quietInMs), () => this.#plan());
  }
}
