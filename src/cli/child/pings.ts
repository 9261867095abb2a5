import type { Child } from "./child.js";

/** Asks a Node module whether its event loop still turns: `{ ping: x }`, to be answered by `{ pong: x }`. */
export class Pings {
  /** Resolves when an answer has not come within `limitMs`. */
  readonly failed: Promise<void>;
  readonly #unanswered = new Map<number, number>();
  readonly #beat: NodeJS.Timeout;
  #deadline: NodeJS.Timeout | undefined;
  #last = 0;
  #fail: () => void = () => undefined;

  constructor(
    private readonly child: Child,
    private readonly everyMs: number,
    private readonly limitMs: number,
  ) {
    this.failed = new Promise((resolve) => (this.#fail = resolve));
    child.onMessage((message) => this.#answered(message));
    this.#beat = setInterval(() => this.#ask(), everyMs);
    this.#ask();
  }

  stop(): void {
    clearInterval(this.#beat);
    clearTimeout(this.#deadline);
  }

  #ask(): void {
    this.#last += 1;
    this.#unanswered.set(this.#last, performance.now());
    this.child.post({ ping: this.#last });
    this.#arm();
  }

  #answered(message: unknown): void {
    if (typeof message !== "object" || message === null || !("pong" in message)) return;
    const { pong } = message;
    if (typeof pong !== "number" || !this.#unanswered.has(pong)) return;
    // An answer stands for all questions before it.
    for (const asked of [...this.#unanswered.keys()]) if (asked <= pong) this.#unanswered.delete(asked);
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    this.#arm();
  }

  #arm(): void {
    const [askedAt] = this.#unanswered.values();
    if (askedAt === undefined || this.#deadline !== undefined) return;
    const dueAt = askedAt + this.limitMs;
    this.#deadline = setTimeout(() => this.#due(dueAt), dueAt - performance.now());
  }

  #due(dueAt: number): void {
    this.#deadline = undefined;
    if (performance.now() <= dueAt + this.everyMs) {
      this.#fail();
      return;
    }
    // It was us who slept, and the answer may lie unread: it gets its time again.
    for (const asked of this.#unanswered.keys()) this.#unanswered.set(asked, performance.now());
    this.#arm();
  }
}
