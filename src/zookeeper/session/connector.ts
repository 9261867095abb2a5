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

interface ConnectorEvents {
  /** There is a session; it lasts until its own `ended`. */
  attached: [attachment: Attachment];
  /** The search for a session is over: there is one, or there will be none unless another client is handed to us. */
  settled: [outcome: Settled];
  /** A client that was handed to us had to be replaced by one of ours, in the same session. */
  replaced: [];
  error: [error: LockError];
}

type State = { readonly kind: "seeking"; readonly source: ClientSource } | Settled;

type Settled =
  | { readonly kind: "attached"; readonly source: ClientSource; readonly attachment: Attachment }
  | { readonly kind: "detached"; readonly why: string; readonly cause?: LockError }
  | { readonly kind: "closed" };

/** Between two attempts that fail at once, such as a name that does not resolve. */
const PAUSE_MS = 200;
/** A connection that is not there by then is worth a look from outside, and again as long as there is none. */
const LOOK_AFTER_MS = 500;
const LOOK_EVERY_MS = 2_000;
/** How long the last look may go on past the connect timeout. */
const LAST_LOOK_MS = 1_200;

/** The sessions of one engine, one after the other. */
export class Connector extends Emitter<ConnectorEvents> {
  #clock: Clock = systemClock;
  #state: State = {
    kind: "detached",
    why: "This manager has no client yet: call init(client), or make it with connect(servers).",
  };
  /** There has been a session: what goes wrong from now on may go right again. */
  #hasBeenAttached = false;
  /** Ends an attempt that is under way: it might take for ever. */
  readonly #abandon = new AbortController();
  /** Opening and closing, one at a time. */
  readonly #changing = new Mutex();

  constructor(private readonly greeting: Omit<Greeting, "clock">) {
    super();
  }

  /** The clock of the clients that we have, or had last. */
  get clock(): Clock {
    return this.#clock;
  }

  /**
   * The session there is, or the next one if one is coming.
   * @throws SessionLostError if none is, ManagerClosedError, or the signal's reason
   */
  async attached(signal: AbortSignal): Promise<Attachment> {
    const state = this.#state.kind === "seeking" ? await this.#outcome(signal) : this.#state;
    switch (state.kind) {
      case "attached":
        return state.attachment;
      case "detached":
        throw new SessionLostError(state.why, { reason: "not-connected", cause: state.cause });
      case "closed":
        throw new ManagerClosedError("This manager has been closed.");
      default:
        return state satisfies never;
    }
  }

  /** How long replies are read on the session of `attachment`. */
  longReplies(attachment: Attachment): LongReplies {
    const source = sourceOf(this.#state);
    return new LongReplies(attachment, { ...this.greeting, clock: this.#clock }, source?.second?.bind(source));
  }

  /** Takes the clients of a source. @throws InvalidArgumentError where there is one already, and what `makeSource` throws */
  adopt(makeSource: () => ClientSource, clock: Clock): void {
    const { kind } = this.#state;
    if (kind === "closed") throw new ManagerClosedError("This manager has been closed: make a new one.");
    if (kind !== "detached") {
      throw new InvalidArgumentError(
        "This manager has a client already; it takes another one once that one's session has ended.",
      );
    }
    const source = makeSource();
    this.#clock = clock;
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
  report(error: LockError): void {
    if (this.#hasBeenAttached && this.#state.kind !== "closed") this.emit("error", error);
  }

  /** Ends the session, where it is ours to end. Idempotent. */
  async close(): Promise<void> {
    const before = this.#state;
    this.#settle({ kind: "closed" });
    this.#abandon.abort();
    if (before.kind === "attached") await before.attachment.close();
    // An attempt under way cleans up after itself.
    await this.#changing.waitForUnlock();
    sourceOf(before)?.release?.();
  }

  /** The native client does not say why it has no session: looks now and then. Resolves with what was found last. */
  async #lookAtTrouble(source: ClientSource, afterMs: number, over: AbortSignal): Promise<Trouble | null> {
    let found: Trouble | null = null;
    let pauseMs = afterMs;
    do {
      await setTimeout(pauseMs, null, { signal: over }).catch(() => undefined);
      pauseMs = LOOK_EVERY_MS;
      // At the end a look is worth the time only where there has been none.
      if (!this.#isSeeking(source) || (over.aborted && found !== null)) break;
      found = (await source.trouble?.()) ?? found;
      if (found?.isFinal === true) this.#giveUpFor(source, new ConnectError(found.what, { cause: found.cause }));
    } while (!over.aborted);
    return found;
  }

  async #seek(source: ClientSource): Promise<void> {
    this.#state = { kind: "seeking", source };
    await this.#changing.runExclusive(async () => {
      for (let attempt = 0; this.#isSeeking(source); attempt += 1) {
        try {
          await this.#attempt(source, attempt);
        } catch (error) {
          if (this.#isFinal(error)) this.#giveUpFor(source, error);
          else await setTimeout(PAUSE_MS, null, { signal: this.#abandon.signal }).catch(() => undefined);
        }
      }
    });
  }

  async #attempt(source: ClientSource, attempt: number): Promise<void> {
    const coming = source.next();
    const client = await untilAborted(coming, this.#abandon.signal).catch((error: unknown) => {
      // It comes too late: its session is nobody's.
      if (!this.#isSeeking(source)) coming.then((late) => this.#clock.soon(() => late?.close())).catch(() => undefined);
      throw error;
    });
    if (client === null) {
      this.#giveUp(source, "The session of the client that was handed to init has ended: init a fresh client.");
      return;
    }
    const link = new Link(client, this.#clock);
    const greeting = { ...this.greeting, clock: this.#clock };
    const first = { ...greeting, checksChroot: true };
    const answer = await establish(link, first, source.windowMs(attempt), this.#abandon.signal);
    if (answer === null || answer === "expired") return;
    const attachment = new Attachment(link, answer.sentAt, source, greeting, {
      replaced: () => this.emit("replaced"),
      error: (error) => this.emit("error", asLockError(error)),
    });
    if (!this.#isSeeking(source)) return attachment.close();
    this.#attach(source, attachment);
  }

  #attach(source: ClientSource, attachment: Attachment): void {
    this.#state = { kind: "attached", source, attachment };
    this.#hasBeenAttached = true;
    attachment.session.once("ended", () => {
      if (this.#state.kind !== "closed") void this.#seek(source);
    });
    this.emit("attached", attachment);
    this.emit("settled", this.#state);
  }

  #giveUpFor(source: ClientSource, cause: LockError): void {
    this.#giveUp(source, `There will be no session. ${cause.message}`, cause);
  }

  #giveUp(source: ClientSource, why: string, cause?: LockError): void {
    if (!this.#isSeeking(source)) return;
    source.release?.();
    if (cause !== undefined) this.report(cause);
    this.#settle({ kind: "detached", why, ...(cause && { cause }) });
  }

  #settle(state: Settled): void {
    this.#state = state;
    this.emit("settled", state);
  }

  /** Resolves when the search is over, however it ends. @throws the signal's reason */
  async #outcome(signal: AbortSignal): Promise<Settled> {
    const outcome = deferred<Settled>();
    this.once("settled", outcome.resolve);
    const unhook = onAbort(signal, outcome.reject);
    try {
      return await outcome.promise;
    } finally {
      unhook();
      this.removeListener("settled", outcome.resolve);
    }
  }

  #isSeeking(source: ClientSource): boolean {
    return this.#state.kind === "seeking" && this.#state.source === source;
  }

  /** True where trying again cannot help. Servers that were there once, and locators that were right, may be so again. */
  #isFinal(error: unknown): error is LockError {
    if (error instanceof AccessDeniedError) return true;
    return !this.#hasBeenAttached && (error instanceof InvalidArgumentError || error instanceof ConnectError);
  }
}

function sourceOf(state: State): ClientSource | null {
  return "source" in state ? state.source : null;
}

/** What is no LockError is a fault of ours, and is told as one. */
function asLockError(error: unknown): LockError {
  return error instanceof LockError
    ? error
    : new LockError("The session has ended by a fault of zk-lock-manager itself. Please report it.", { cause: error });
}
