import { isReleaseRequested } from "./identity.js";
import type { QueuePort } from "./zookeeper/port.js";

/** Watches a ticket of ours while we hold: only an administrator deletes it before we do. */
export class TicketGuard {
  #stopped = false;
  #told = false;
  #forget: () => void = () => undefined;

  constructor(
    private readonly port: QueuePort,
    private readonly path: string,
    private readonly onGone: () => void,
    private readonly onReleaseRequested: () => void = () => undefined,
  ) {}

  /** Looks, and goes on watching. To be called after each reconnect too: watches do not outlive every one. */
  look(): void {
    if (this.#stopped) return;
    this.#forget();
    this.port
      .watch(this.path, () => this.look())
      .then(
        ({ content, forget }) => {
          this.#forget = forget;
          if (this.#stopped) forget();
          else if (content?.owner !== this.port.session.id) this.onGone();
          else if (isReleaseRequested(content.data)) this.#requested();
        },
        // Out of touch: the reconnect looks again. Anything else leaves us without this one warning, and no worse.
        () => undefined,
      );
  }

  #requested(): void {
    if (!this.#told) this.onReleaseRequested();
    this.#told = true;
  }

  stop(): void {
    this.#stopped = true;
    this.#forget();
  }
}
