import { clearInterval, setInterval } from "node:timers";
import { setTimeout } from "node:timers/promises";
import { Mutex } from "async-mutex";
import { deferred, onAbort, untilAborted } from "../../common/abort.js";
import { bounded } from "../../common/bounded.js";
import { type Clock, LONGEST_TIMER_MS, readableMs, systemClock } from "../../common/clock.js";
import { Deadline } from "../../common/deadline.js";
import { Emitter } from "../../common/emitter.js";
import {
  AccessDeniedError,
  ConnectError,
  InvalidArgumentError,
  LockError,
  ManagerClosedError,
  SessionLostError,
} from "../../errors.js";
import { Attachment } from "./session-carrier.js";
import type { ClientSource } from "./client-source.js";
import { establish, type Greeting } from "./handshake.js";
import { Link } from "../client/link.js";
import { LongReplies } from "./long-replies.js";
import type { Trouble } from "./server-finder.js";

interface ConnectionEvents {
  /** There is a session; it lasts until its own `ended`. */
  attached: [attachment: Attachment];
  /** There will be no session any more, unless another client is handed to us. */
  detached: [];
  /** A client that was handed to us had to be replaced by one of ours, in the same session. */
  replaced: [];
  error: [error: unknown];
}

type State =
  | { readonly kind: "seeking"; readonly source: ClientSource }
  | { readonly kind: "attached"; readonly source: ClientSource; readonly attachment: Attachment }
  | { readonly kind: "detached"; readonly why: string; readonly cause?: unknown };

/** Between two attempts that fail at once, such as a name that does not resolve. */
const PAUSE_MS = 200;
/** A connection that is not there by then is worth a look from outside, and again as long as there is none. */
const LOOK_AFTER_MS = 500;
const LOOK_EVERY_MS = 2_000;
/** How long the last look may go on past the connect timeout. */
const LAST_LOOK_MS = 1_200;

/** The sessions of one manager, one after the other. */
export class Connection extends Emitter<ConnectionEvents> {
  clock: Clock = systemClock;
  #state: State = {
    kind: "detached",
    why: "This manager has no client yet: call init(client), or make it with connect(servers).",
  };
  #closed = false;
  /** There has been a session: what goes wrong from now on may go right again. */
  #hasBeenAttached = false;
  /** Ends an attempt that is under way: it might take for ever. */
  readonly #abandon = new AbortController();
  /** Opening and closing, one at a time. */
  readonly #changing = new Mutex();

  constructor(private readonly greeting: Omit<Greeting, "clock">) {
    super();
  }

  get attachment(): Attachment | null {
    return this.#state.kind === "attached" ? this.#state.attachment : null;
  }

  /** The session there is, or the next one if one is coming. @throws SessionLostError if none is, or the signal's reason */
  async attached(signal: AbortSignal): Promise<Attachment> {
    const next = deferred<Attachment | null>();
    const detached = (): void => next.resolve(null);
    this.once("attached", next.resolve).once("detached", detached);
    const unhook = onAbort(signal, next.reject);
    try {
      const attachment = this.#state.kind === "seeking" ? await next.promise : this.attachment;
      if (attachment !== null) return attachment;
      const { why, cause } = this.#state as State & { kind: "detached" };
      throw this.#closed ? new ManagerClosedError(why) : new SessionLostError(why, { reason: "not-connected", cause });
    } finally {
      unhook();
      this.removeListener("attached", next.resolve).removeListener("detached", detached);
    }
  }

  /** How long replies are read on the session of `attachment`. */
  longReplies(attachment: Attachment): LongReplies {
    const source = this.#state.kind === "detached" ? undefined : this.#state.source;
    return new LongReplies(attachment, { ...this.greeting, clock: this.clock }, source?.second?.bind(source));
  }

  /** Takes the clients of a source. @throws InvalidArgumentError where there is one already, and what `makeSource` throws */
  adopt(makeSource: () => ClientSource, clock: Clock): void {
    if (this.#closed) throw new ManagerClosedError("This manager has been closed: make a new one.");
    if (this.#state.kind !== "detached") {
      throw new InvalidArgumentError(
        "This manager has a client already; it takes another one once that one's session has ended.",
      );
    }
    const source = makeSource();
    this.clock = clock;
    void this.#seek(source);
  }

  /** Opens a session of our own. @throws ConnectError after `timeoutMs`, or at once where no waiting helps; AccessDeniedError */
  async open(source: ClientSource, timeoutMs: number, serversForPeople: string): Promise<void> {
    const giveUp = new AbortController();
    const over = new AbortController();
    // Between two attempts nothing else may keep the process alive, and the caller waits.
    const keepAlive = setInterval(() => undefined, LONGEST_TIMER_MS);
    const unhook = new Deadline(systemClock, timeoutMs).whenPassed(() => giveUp.abort());
    const looking = this.#lookAtTrouble(source, Math.min(LOOK_AFTER_MS, timeoutMs / 2), over.signal);
    try {
      void this.#seek(source);
      await this.attached(giveUp.signal);
    } catch (error) {
      over.abort();
      if (!giveUp.signal.aborted && error instanceof LockError) {
        await this.close();
        throw error.cause instanceof LockError ? error.cause : error;
      }
      const trouble = await bounded(looking, LAST_LOOK_MS, systemClock, () => null);
      await this.close();
      const why = trouble?.what ?? "Is it running, and is the address right?";
      throw new ConnectError(
        `No ZooKeeper answered at ${serversForPeople} within ${readableMs(timeoutMs)} ms. ${why}`,
        {
          cause: trouble?.cause,
        },
      );
    } finally {
      over.abort();
      unhook();
      clearInterval(keepAlive);
    }
  }

  /** A fault outside of any call: told once there has been a session. Before that, `open` rejects with it. */
  report(error: unknown): void {
    if (this.#hasBeenAttached && !this.#closed) this.emit("error", error);
  }

  /** Ends the session, where it is ours to end. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#abandon.abort();
    const { attachment } = this;
    const source = this.#state.kind === "detached" ? null : this.#state.source;
    this.#detach("This manager has been closed.");
    await attachment?.close();
    // An attempt under way cleans up after itself.
    await this.#changing.waitForUnlock();
    source?.release?.();
  }

  /** The native client does not say why it has no session: looks now and then. Resolves with what was found last. */
  async #lookAtTrouble(source: ClientSource, afterMs: number, over: AbortSignal): Promise<Trouble | null> {
    let found: Trouble | null = null;
    let pauseMs = afterMs;
    do {
      await setTimeout(pauseMs, null, { signal: over }).catch(() => undefined);
      pauseMs = LOOK_EVERY_MS;
      // At the end a look is worth the time only where there has been none.
      if (this.#state.kind !== "seeking" || (over.aborted && found !== null)) break;
      found = (await source.trouble?.()) ?? found;
      if (found?.isFinal === true) this.#giveUpForGood(source, found);
    } while (!over.aborted);
    return found;
  }

  #giveUpForGood(source: ClientSource, { what, cause }: Trouble): void {
    if (this.#state.kind === "seeking")
      this.#giveUp(source, `There will be no session. ${what}`, new ConnectError(what, { cause }));
  }

  async #seek(source: ClientSource): Promise<void> {
    this.#state = { kind: "seeking", source };
    await this.#changing.runExclusive(async () => {
      for (let attempt = 0; !this.#closed && this.#state.kind === "seeking"; attempt += 1) {
        try {
          await this.#attempt(source, attempt);
        } catch (error) {
          if (this.#isFinal(error))
            this.#giveUp(source, `There will be no session. ${(error as LockError).message}`, error);
          else await setTimeout(PAUSE_MS, null, { signal: this.#abandon.signal }).catch(() => undefined);
        }
      }
    });
  }

  async #attempt(source: ClientSource, attempt: number): Promise<void> {
    const coming = source.next();
    const client = await untilAborted(coming, this.#abandon.signal).catch((error: unknown) => {
      // It comes too late: its session is nobody's.
      if (this.#closed) coming.then((late) => this.clock.soon(() => late?.close())).catch(() => undefined);
      throw error;
    });
    if (client === null) {
      this.#giveUp(source, "The session of the client that was handed to init has ended: init a fresh client.");
      return;
    }
    const link = new Link(client, this.clock);
    const greeting = { ...this.greeting, clock: this.clock };
    const first = { ...greeting, checksChroot: true };
    const answer = await establish(link, first, source.windowMs(attempt), this.#abandon.signal);
    if (answer === null || answer === "expired") return;
    const attachment = new Attachment(link, answer.sentAt, source, greeting, {
      replaced: () => this.emit("replaced"),
      error: (error) => this.emit("error", error),
    });
    if (this.#closed) return attachment.close();
    this.#attach(source, attachment);
  }

  #attach(source: ClientSource, attachment: Attachment): void {
    this.#state = { kind: "attached", source, attachment };
    this.#hasBeenAttached = true;
    attachment.session.once("ended", () => {
      if (!this.#closed) void this.#seek(source);
    });
    this.emit("attached", attachment);
  }

  #giveUp(source: ClientSource, why: string, cause?: unknown): void {
    source.release?.();
    if (cause !== undefined) this.report(cause);
    this.#detach(why, cause);
  }

  #detach(why: string, cause?: unknown): void {
    this.#state = { kind: "detached", why, cause };
    this.emit("detached");
  }

  /** True where trying again cannot help. Servers that were there once, and locators that were right, may be so again. */
  #isFinal(error: unknown): boolean {
    if (error instanceof AccessDeniedError) return true;
    return !this.#hasBeenAttached && (error instanceof InvalidArgumentError || error instanceof ConnectError);
  }
}
