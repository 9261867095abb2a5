import { onAbort } from "../../common/abort.js";
import { bounded } from "../../common/bounded.js";
import { instantOf } from "../../common/clock.js";
import { LockError } from "../../errors.js";
import type { Session } from "../../engine/session.js";
import type { PackageClient, Stat } from "../client/client.js";
import { Code } from "../client/codes.js";
import { establish, type Greeting } from "./handshake.js";
import { Link, type Reply, type Send } from "../client/link.js";
import type { Watches } from "./watches.js";

/** What a node's name takes in a listing, with its length in front; tickets of other recipes have longer names than ours. */
const BYTES_PER_CHILD = 68;
/** How long the second client is given to connect. */
const WINDOW_MS = 2_000;

interface Carrier {
  readonly link: Link;
  readonly session: Session;
  readonly watches: Watches;
}

/**
 * Reads, also those with a long reply. A client that was made with the defaults closes its session, and gives up every hold in
 * it, when one reply arrives in more than ten pieces; once it runs, nothing can change that. So its replies are measured first,
 * and what is too long for it is read through a second client of ours, with a session of its own.
 */
export class LongReplies {
  #second: Promise<Link | null> | null = null;
  /** What is watched by the second client's session. */
  readonly #watched = new Set<string>();
  readonly #dropped = new WeakSet<Link>();
  /** The carrier's session is over, and this is of no use any more. */
  readonly #ended = new AbortController();

  /** @param open a client on its way to a session beside the carrier's; undefined: there is no way to make one */
  constructor(
    private readonly carrier: Carrier,
    private readonly greeting: Greeting,
    private readonly open: (() => Promise<PackageClient>) | undefined,
  ) {
    carrier.session.once("ended", () => this.#ended.abort());
  }

  children<T>(path: string, watch: boolean, send: Send<T>): Promise<Reply<T>> {
    return this.#read(path, watch, ({ numChildren }) => numChildren * BYTES_PER_CHILD, send);
  }

  /** Without a watch; who asks in one turn for the same path gets one promise of one answer, where nothing has to be measured. */
  sharedChildren<T>(path: string, send: Send<T>): Promise<Reply<T>> {
    const { link } = this.carrier;
    return link.longestReplyBytes === Infinity ? link.shared(path, send) : this.children(path, false, send);
  }

  data<T>(path: string, watch: boolean, send: Send<T>): Promise<Reply<T>> {
    return this.#read(path, watch, ({ dataLength }) => dataLength, send);
  }

  async #read<T>(path: string, watch: boolean, lengthOf: (stat: Stat) => number, send: Send<T>): Promise<Reply<T>> {
    const { link } = this.carrier;
    const longest = link.longestReplyBytes;
    if (longest === Infinity) return link.request(send);
    const { code, value, sentAt } = await link.request<Stat>((calls, done) =>
      calls.a_exists(path, false, (result, _message, stat) => done(result, stat)),
    );
    if (code !== Code.ok || value === null) return { code, value: null, sentAt };
    if (lengthOf(value) <= longest) return this.carrier.link.request(send);
    return this.#readLong(path, watch, send);
  }

  /** Where the second client does not answer, the outcome is unknown, as with the first one. */
  async #readLong<T>(path: string, watch: boolean, send: Send<T>): Promise<Reply<T>> {
    if (this.open === undefined) throw tooLong(path);
    const { clock } = this.greeting;
    const unknown: Reply<T> = { code: Code.connectionLoss, value: null, sentAt: instantOf(clock) };
    const link = await (this.#second ??= this.#connect(this.open));
    if (link === null) return unknown;
    if (watch) this.#watched.add(path);
    // Its server may lag behind ours: what ours has answered, the reply must show.
    const synced = link.request((calls, done) => calls.a_sync(path, (code) => done(code, null)));
    const answered = Promise.all([synced, link.request(send)]).then(([{ code }, reply]) =>
      code === Code.ok ? reply : { ...reply, code, value: null },
    );
    return bounded(answered, this.carrier.session.leaseDurationMs, clock, () => {
      clock.soon(() => this.#drop(link));
      return unknown;
    });
  }

  /** Null: no server was reached, and the next read tries again. @throws AccessDeniedError, ConnectError */
  async #connect(open: () => Promise<PackageClient>): Promise<Link | null> {
    try {
      const link = new Link(await open(), this.greeting.clock);
      const answer = await establish(link, this.greeting, WINDOW_MS, this.#ended.signal);
      if (answer !== null && answer !== "expired") return this.#hookUp(link);
    } catch (error) {
      this.#second = null;
      throw error;
    }
    this.#second = null;
    return null;
  }

  #hookUp(link: Link): Link {
    const drop = (): void => this.#drop(link);
    link.on("down", drop).on("broken", drop).on("closed", drop);
    link.on("nodeEvent", (path) => {
      this.#watched.delete(path);
      this.carrier.watches.fire(path);
    });
    onAbort(this.#ended.signal, () => this.greeting.clock.soon(drop));
    return link;
  }

  /** In a macrotask of ours. What was watched through it is fired, so that everybody looks again. */
  #drop(link: Link): void {
    if (this.#dropped.has(link)) return;
    this.#dropped.add(link);
    this.#second = null;
    link.removeAllListeners();
    link.close();
    const watched = [...this.#watched];
    this.#watched.clear();
    for (const path of watched) this.carrier.watches.fire(path);
  }
}

function tooLong(path: string): LockError {
  return new LockError(
    `${path} is too large for the client that was handed to init: it would close its session on a reply of that length. ` +
      "Make it with `response_counter_limit: 2147483647`, or hand it over before it is started, with its configuration in its constructor.",
  );
}
