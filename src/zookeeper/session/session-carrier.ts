import { setTimeout } from "node:timers/promises";
import { bounded } from "../../common/bounded.js";
import type { Instant } from "../../common/clock.js";
import { Session } from "../../engine/session.js";
import { chrootOf } from "./addresses.js";
import type { PackageClient } from "../client/client.js";
import type { ClientSource } from "./client-source.js";
import { type Greeting, establish } from "./handshake.js";
import { startKeepAlive } from "./keep-alive.js";
import { Link } from "../client/link.js";
import type { SessionCredentials } from "../client/native-client.js";
import { Watches } from "./watches.js";

interface Observers {
  /** A client of somebody else's has been replaced by one of ours. */
  replaced(): void;
  error(error: unknown): void;
}

/** The first attempt to take a session over is given this long to connect; later ones up to a third of the timeout. */
const FIRST_ATTEMPT_MS = 400;
const ATTEMPT_GROWTH = 1.5;
/**
 * How long `close` waits, at the most, for a connection on which the session can be ended, and then for tickets to be withdrawn
 * and the last replies; after that somebody else's session is left to the background, and one of our own is ended as it is.
 */
const PATIENCE_MS = 2_000;

/**
 * One session and the client that carries it at present. When the connection goes, a fresh client with the session's
 * credentials takes it over, ephemeral nodes and all. Watches do not come along: waiters look again at the session's
 * `connected`.
 */
export class Attachment {
  readonly watches: Watches;
  readonly session: Session;
  #link: Link;
  /** The client we were given; any later one is ours to close. */
  readonly #given: Link;
  /** The taking over that is under way; resolves when there is a link again, or will be none. */
  #takingOver: Promise<void> | null = null;
  /** The end of the session, before its time, that is under way. */
  #ending: Promise<void> | null = null;
  readonly #stopKeepAlive: () => void;

  /** @param link a connection on which the session has been established, heard by the quorum at `heardAt` */
  constructor(
    link: Link,
    heardAt: Instant,
    private readonly source: ClientSource,
    private readonly greeting: Greeting,
    private readonly observers: Observers,
  ) {
    const chroot = chrootOf(link.client.config?.connect ?? "");
    this.watches = new Watches(chroot);
    this.session = new Session(link.client.client_id, link.client.timeout, greeting.clock, heardAt, chroot);
    this.#link = link;
    this.#given = link;
    this.#hookUp(link);
    this.#stopKeepAlive = startKeepAlive(this, greeting);
  }

  get link(): Link {
    return this.#link;
  }

  /**
   * Waits for our tickets to be withdrawn, and ends the session where the client is ours and in touch. Somebody else's client is
   * left as it is, once our tickets are gone: its session lives on, and what we could not withdraw yet would live on in it.
   */
  async close(): Promise<void> {
    const { clock } = this.greeting;
    await this.#turnOfOurOwn();
    if (this.#takingOver !== null) {
      // Without a connection the session would live on to its timeout, and what it holds with it.
      await bounded(this.#takingOver, PATIENCE_MS, clock, () => undefined);
      await this.#turnOfOurOwn();
    }
    const isGuest = !this.#isOurs(this.#link);
    const over = this.#unused()
      .then(() => this.#finish())
      .then(() => this.#turnOfOurOwn())
      .then(() => this.#letGo())
      .then(() => this.#link.whenEnded());
    if (this.session.isLinked) await bounded(over, PATIENCE_MS, clock, () => undefined);
    if (isGuest || this.session.ended) return;
    await this.#turnOfOurOwn();
    this.#letGo();
    await this.#link.whenEnded();
  }

  /** See QueuePort. Holders must stop believing first, so the session is over for us before the servers are told. */
  endSession(reason: Error): Promise<void> | null {
    if (!this.#isOurs(this.#link)) return null;
    if (!this.session.ended) this.observers.error(reason);
    this.#ending ??= this.#endOnServers(this.#link);
    this.#end();
    return this.#ending;
  }

  async #endOnServers(link: Link): Promise<void> {
    await bounded(link.finish(), PATIENCE_MS, this.greeting.clock, () => undefined);
    await this.#turnOfOurOwn();
    link.close();
    await link.whenEnded();
  }

  /** Resolves when nobody has a ticket. */
  async #unused(): Promise<void> {
    const { session } = this;
    if (session.ended || !session.inUse) return;
    await new Promise<void>((resolve) => session.once("unused", resolve).once("ended", resolve));
  }

  async #finish(): Promise<void> {
    this.#stopKeepAlive();
    await this.#link.finish();
  }

  #letGo(): void {
    this.#stopKeepAlive();
    if (this.#isOurs(this.#link)) this.#link.close();
    else this.#link.release();
    this.session.end();
  }

  /** The client must not be closed from within one of its callbacks, nor from the promises after it. */
  #turnOfOurOwn(): Promise<void> {
    return new Promise((resolve) => this.greeting.clock.soon(resolve));
  }

  /** Made by us, at the first or as the successor of a client that we were given. */
  #isOurs(link: Link): boolean {
    return this.source.takeOver === "at-once" || link !== this.#given;
  }

  #hookUp(link: Link): void {
    this.#link = link;
    link.on("up", () => this.session.linkUp());
    link.on("down", () => this.#onDown(link));
    link.on("broken", () => this.#onDown(link));
    link.on("closed", () => this.#end());
    link.on("nodeEvent", (path) => this.watches.fire(path));
  }

  /** Runs in a macrotask of ours, with the client disconnected: closing it now does not end the session. */
  #onDown(link: Link): void {
    this.session.linkDown();
    if (this.#isOurs(link) || (this.source.takeOver === "if-closed" && link.isClosed)) {
      link.close();
      this.#takingOver ??= this.#takeOver()
        .catch((error: unknown) => this.#fail(error))
        .finally(() => (this.#takingOver = null));
    } else if (link.isClosed) {
      this.#end();
    }
  }

  async #takeOver(): Promise<void> {
    const { id, timeoutMs } = this.session;
    const credentials = { id, password: this.#link.password, timeoutMs };
    const longestMs = Math.max(FIRST_ATTEMPT_MS, this.session.timeoutMs / 3);
    let windowMs = FIRST_ATTEMPT_MS;
    while (!this.session.ended) {
      const resumed = await this.#attempt(credentials, windowMs);
      if (resumed === "expired") {
        this.#end();
        return;
      }
      if (resumed !== null) {
        this.#adopt(resumed.link, resumed.heardAt);
        return;
      }
      windowMs = Math.min(windowMs * ATTEMPT_GROWTH, longestMs);
    }
  }

  async #attempt(
    credentials: SessionCredentials,
    windowMs: number,
  ): Promise<{ link: Link; heardAt: Instant } | "expired" | null> {
    let client: PackageClient;
    try {
      client = await this.source.resume(credentials);
    } catch {
      // A name that does not resolve now may do so again.
      await setTimeout(windowMs);
      return null;
    }
    const link = new Link(client, this.greeting.clock);
    const answer = await establish(link, this.greeting, windowMs);
    return answer === null || answer === "expired" ? answer : { link, heardAt: answer.sentAt };
  }

  #adopt(link: Link, heardAt: Instant): void {
    if (this.session.ended) {
      this.greeting.clock.soon(() => link.close());
      return;
    }
    const isReplacement = !this.#isOurs(this.#link);
    this.watches.reset();
    this.#hookUp(link);
    this.session.heard(heardAt);
    this.session.linkUp();
    if (isReplacement) this.observers.replaced();
  }

  #fail(error: unknown): void {
    this.observers.error(error);
    this.#end();
  }

  #end(): void {
    this.#stopKeepAlive();
    this.session.end();
  }
}
