import type { Clock } from "../common/clock.js";
import { isReleaseRequested } from "../queue/ticket-note.js";
import { ConnectionLossError, type QueuePort, type TicketContent } from "../engine/queue-port.js";

/** A look that was not answered on a connection that is up is repeated after this long. */
const LOOK_AGAIN_MS = 50;
/** A ticket that cannot be watched is looked at so many times in a session timeout. */
const LOOKS_PER_TIMEOUT = 3;

interface GuardObserver {
  /** Told once; the guard has stopped then. */
  gone(): void;
  /** Told once. */
  releaseRequested?(): void;
}

/**
 * Watches a ticket of ours for as long as a hold depends on it: only an administrator deletes it before we do. It stands by
 * itself. It looks again after each reconnect, and after a look whose outcome is unknown. Where the ticket cannot be watched (the
 * session has as many watches as it may have, or the server refuses), it looks three times in a session timeout instead.
 */
export class TicketGuard {
  #state: "idle" | "guarding" | "stopped" = "idle";
  /** Counts the looks: an answer to an earlier one is of no use any more. */
  #looks = 0;
  #requestTold = false;
  #forget: () => void = () => undefined;
  #cancelNext: () => void = () => undefined;

  constructor(
    private readonly port: QueuePort,
    private readonly ref: string,
    private readonly clock: Clock,
    private readonly observer: GuardObserver,
  ) {}

  start(): void {
    if (this.#state !== "idle") return;
    this.#state = "guarding";
    this.port.session.on("connected", this.#look);
    this.#look();
  }

  stop(): void {
    this.#state = "stopped";
    this.#looks += 1;
    this.#letGo();
    this.port.session.removeListener("connected", this.#look);
  }

  readonly #look = (): void => {
    this.#letGo();
    this.#looks += 1;
    void this.#watch(this.#looks);
  };

  async #watch(look: number): Promise<void> {
    try {
      const { content, forget } = await this.port.watch(this.ref, () => {
        if (look === this.#looks) this.#look();
      });
      if (look !== this.#looks) {
        forget();
        return;
      }
      this.#forget = forget;
      this.#judge(content);
    } catch (error) {
      // Out of touch: the reconnect looks again.
      if (look !== this.#looks || !this.port.session.isLinked) return;
      if (error instanceof ConnectionLossError) this.#lookIn(LOOK_AGAIN_MS);
      else await this.#lookWithoutWatch(look);
    }
  }

  async #lookWithoutWatch(look: number): Promise<void> {
    this.#lookIn(this.port.session.timeoutMs / LOOKS_PER_TIMEOUT);
    try {
      const content = await this.port.read(this.ref);
      if (look === this.#looks) this.#judge(content);
    } catch {
      // Who may not read it can still be told whether it is there.
      const stands = await this.port.confirm(this.ref).catch(() => true);
      if (look === this.#looks && !stands) this.#judge(null);
    }
  }

  #judge(content: TicketContent | null): void {
    if (content?.owner !== this.port.session.id) {
      this.stop();
      this.observer.gone();
    } else if (isReleaseRequested(content.data) && !this.#requestTold) {
      this.#requestTold = true;
      this.observer.releaseRequested?.();
    }
  }

  #lookIn(delayMs: number): void {
    this.#cancelNext();
    this.#cancelNext = this.clock.after(delayMs, this.#look);
  }

  #letGo(): void {
    this.#forget();
    this.#forget = () => undefined;
    this.#cancelNext();
  }
}
