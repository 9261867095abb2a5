import { EventEmitter, on } from "node:events";
import { deferred, onAbort } from "../common/abort.js";
import type { Engine } from "../engine/engine.js";
import type { Identity } from "../errors.js";
import { fewAtATime } from "../common/few-at-a-time.js";
import { type Contents, holdersByTheirWord, tellingTickets } from "../queue/holders.js";
import { readIdentity, readLimit } from "../queue/ticket-note.js";
import { later } from "../common/later.js";
import { readSemaphoreData } from "../queue/semaphore-data.js";
import type { FencingToken, Ticket } from "../engine/ticket.js";
import { ConnectionLossError, type QueuePort, type TicketContent } from "../engine/queue-port.js";

/** What is to be seen of a hold, of any process. */
export interface HoldSighting {
  /** The fencing token of the hold. */
  readonly token: FencingToken;
  /** What the holder says of itself, where it says anything. */
  readonly identity?: Identity;
}

/** A hold has begun, or has ended: `type` says which. */
export type ResourceEvent =
  ({ readonly type: "locked" } & HoldSighting) | ({ readonly type: "unlocked" } & HoldSighting);

/** The events of a ResourceWatcher. */
export interface WatcherEvents {
  /** A hold has begun, or was there at the first look. */
  locked: [hold: HoldSighting];
  /** A hold has ended, in whatever way. */
  unlocked: [hold: HoldSighting];
  /** Each of the above, in order: what the iterator gives. */
  event: [event: ResourceEvent];
  /** It cannot be watched (any more); iterators reject with this. */
  error: [error: unknown];
  /** It has ended: by `close`, the signal, or an error. */
  closed: [];
}

/** A look that was not answered on a connection that is up is repeated after this long. */
const LOOK_AGAIN_MS = 50;

/**
 * Tells when a resource is locked and unlocked, by whatever process, also when a holder crashed. Holds that came and went between
 * two looks may be missed; the state in the end never is. Watching makes the resource's directory where there is none.
 *
 * It goes on over reconnects, and from one session to the next. It ends by `close`, by the signal, or by an error: where access is
 * denied, or there is no session and none is coming. The error is an `error` event for those who listen for it, and iterators reject
 * with it, also those that begin later. A listener that throws does not end it: that is an uncaught exception, as from any emitter.
 */
export class ResourceWatcher extends EventEmitter<WatcherEvents> implements AsyncIterable<ResourceEvent> {
  readonly #abort = new AbortController();
  /** What iterators listen to: a listener of the user's that throws takes nothing away from them. */
  readonly #feed = new EventEmitter<Pick<WatcherEvents, "event" | "error" | "closed">>();
  #unhook: () => void = () => undefined;
  #failure: { readonly error: unknown } | null = null;
  /** Who holds, as of the last look, and as far as iterators have been told. */
  #known = new Map<FencingToken, HoldSighting>();
  readonly #told = new Map<FencingToken, HoldSighting>();
  /** What the last look read, by the refs of the tickets. */
  #read = new Map<string, TicketContent>();
  #port: QueuePort | null = null;
  #looking = false;
  #lookAgain = false;
  #forget: (() => void)[] = [];
  #cancelNext: () => void = () => undefined;

  /** @internal Watchers are made by their manager. */
  constructor(
    /** The name of the resource. */
    readonly resource: string,
    private readonly directory: string,
    private readonly engine: Pick<Engine, "port" | "clock">,
    signal?: AbortSignal,
  ) {
    super();
    this.#feed.setMaxListeners(0);
    this.#unhook = onAbort(signal, () => this.close());
    if (!this.isClosed) void this.#follow();
  }

  /** Whether the watch has ended. */
  get isClosed(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Ends the watch; iterators end with it. Idempotent. */
  close(): void {
    if (this.isClosed) return;
    this.#abort.abort();
    this.#unhook();
    this.#letGo();
    this.#feed.emit("closed");
    later(() => this.emit("closed"));
  }

  /** Gives what happens from now on, the holds that stand first. @throws what the watch has failed with */
  async *[Symbol.asyncIterator](): AsyncGenerator<ResourceEvent> {
    if (this.#failure !== null) throw this.#failure.error;
    if (this.isClosed) return;
    const events = on(this.#feed, "event", { close: ["closed"] });
    try {
      // Who begins to listen later than the watch begins with what holds then.
      for (const hold of [...this.#told.values()]) yield { type: "locked", ...hold };
      for await (const [event] of events) yield event as ResourceEvent;
    } finally {
      await events.return?.();
    }
  }

  /** One session after the other, for as long as there are any. */
  async #follow(): Promise<void> {
    try {
      while (!this.isClosed) await this.#followSession(await this.engine.port(this.#abort.signal));
    } catch (error) {
      this.#fail(error);
    }
  }

  async #followSession(port: QueuePort): Promise<void> {
    const over = deferred<void>();
    const ended = (): void => over.resolve();
    port.session.on("connected", this.#look).on("ended", ended);
    const unhook = onAbort(this.#abort.signal, ended);
    this.#port = port;
    if (port.session.ended) ended();
    this.#look();
    await over.promise;
    unhook();
    port.session.removeListener("connected", this.#look).removeListener("ended", ended);
  }

  readonly #look = (): void => {
    this.#lookAgain = true;
    if (!this.#looking) void this.#lookUntilQuiet();
  };

  /** Events that come in while we look lead to one more look. */
  async #lookUntilQuiet(): Promise<void> {
    this.#looking = true;
    while (this.#lookAgain && !this.isClosed && this.#port !== null) {
      this.#lookAgain = false;
      const port = this.#port;
      try {
        await this.#lookOnce(port);
      } catch (error) {
        // Where the session has ended, the next one looks; out of touch, the reconnect does.
        if (port.session.ended) continue;
        if (!(error instanceof ConnectionLossError)) this.#fail(error);
        else if (port.session.isLinked) this.#cancelNext = this.engine.clock.after(LOOK_AGAIN_MS, this.#look);
      }
    }
    this.#looking = false;
    if (this.isClosed) this.#letGo();
  }

  /** Looks at the queue, and goes on watching it. */
  async #lookOnce(port: QueuePort): Promise<void> {
    this.#letGo();
    const { listing, forget } = await port.watchQueue(this.directory, this.#look);
    this.#forget.push(forget);
    this.#compare(await this.#sightings(port, listing.tickets));
  }

  async #sightings(port: QueuePort, queue: readonly Ticket[]): Promise<Map<FencingToken, HoldSighting>> {
    const contents = await this.#contents(port, queue);
    const isUntold = (ticket: Ticket): boolean =>
      ticket.demand === "permit" && readLimit(contents.get(ticket)?.data) === undefined;
    const stored = tellingTickets(queue).some(isUntold) ? await port.settings(this.directory) : null;
    const holders = holdersByTheirWord(queue, contents, stored === null ? 1 : readSemaphoreData(stored.data).limit);
    const sightings = holders.map((ticket): [FencingToken, HoldSighting] => {
      const { token } = ticket;
      const content = contents.get(ticket);
      const identity = content && readIdentity(content.data);
      return [token, this.#known.get(token) ?? { token, ...(identity && { identity }) }];
    });
    return new Map(sightings);
  }

  /**
   * What is written on the tickets that tell who holds, each read once. A writer that reads as well tells by writing whether it holds
   * both, or reads only: its tickets are watched.
   */
  async #contents(port: QueuePort, queue: readonly Ticket[]): Promise<Contents> {
    const contents = new Map<Ticket, TicketContent>();
    const keep = (ticket: Ticket, content: TicketContent | null | undefined): void => {
      if (content) contents.set(ticket, content);
    };
    const telling = tellingTickets(queue);
    await fewAtATime(telling, async (ticket) =>
      keep(ticket, this.#read.get(ticket.ref) ?? (await port.read(ticket.ref))),
    );
    const [head] = telling;
    const writer = head?.demand === "exclusive" ? contents.get(head)?.owner : undefined;
    const its = telling.filter((ticket) => writer !== undefined && contents.get(ticket)?.owner === writer);
    if (its.length > 1) {
      await fewAtATime(its, async (ticket) => {
        const { content, forget } = await port.watch(ticket.ref, this.#look);
        this.#forget.push(forget);
        keep(ticket, content);
      });
    }
    // Also what was written since: a write ticket that keeps its place says so when its reader has gone, too.
    this.#read = new Map([...contents].map(([{ ref }, content]) => [ref, content]));
    return contents;
  }

  #compare(now: Map<FencingToken, HoldSighting>): void {
    const before = this.#known;
    this.#known = now;
    for (const [token, hold] of before) if (!now.has(token)) this.#tell({ type: "unlocked", ...hold });
    for (const [token, hold] of now) if (!before.has(token)) this.#tell({ type: "locked", ...hold });
  }

  /** Not in the middle of a look, and each in a turn of its own: a listener that throws keeps nobody else from hearing. */
  #tell(event: ResourceEvent): void {
    const { type, ...hold } = event;
    const whileOpen = (tell: () => void): void =>
      later(() => {
        if (!this.isClosed) tell();
      });
    whileOpen(() => {
      if (type === "locked") this.#told.set(hold.token, hold);
      else this.#told.delete(hold.token);
      this.#feed.emit("event", event);
    });
    whileOpen(() => this.emit(type, hold));
    whileOpen(() => this.emit("event", event));
  }

  #fail(error: unknown): void {
    later(() => {
      if (this.isClosed || this.#failure !== null) return;
      this.#failure = { error };
      // First the reason, then the end: an iterator rejects with it.
      if (this.#feed.listenerCount("error") > 0) this.#feed.emit("error", error);
      later(() => this.close());
      if (this.listenerCount("error") > 0) this.emit("error", error);
    });
  }

  #letGo(): void {
    for (const forget of this.#forget.splice(0)) forget();
    this.#cancelNext();
  }
}
