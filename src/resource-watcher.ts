import { EventEmitter, on } from "node:events";
import { onAbort } from "./abort.js";
import type { Identity } from "./errors.js";
import { holdersOf } from "./holders.js";
import { readIdentity } from "./identity.js";
import { readSemaphoreData } from "./semaphore-data.js";
import { type FencingToken, queueOf } from "./ticket.js";
import { ConnectionLossError, type QueuePort } from "./zookeeper/port.js";

/** What is to be seen of a hold, of any process. */
export interface HoldSighting {
  readonly token: FencingToken;
  /** What the holder says of itself, where it says anything. */
  readonly identity?: Identity;
}

export type ResourceEvent =
  ({ readonly type: "locked" } & HoldSighting) | ({ readonly type: "unlocked" } & HoldSighting);

interface WatcherEvents {
  locked: [hold: HoldSighting];
  unlocked: [hold: HoldSighting];
  /** Each of the above, in order: what the iterator gives. */
  event: [event: ResourceEvent];
  /** It cannot be watched (any more). */
  error: [error: unknown];
  closed: [];
}

/**
 * Tells when a resource is locked and unlocked, by whatever process, also when a holder crashed. Holds that came and went between
 * two looks may be missed; the state in the end never is. Watching makes the resource's directory where there is none.
 */
export class ResourceWatcher extends EventEmitter<WatcherEvents> implements AsyncIterable<ResourceEvent> {
  readonly #abort = new AbortController();
  #unhook: () => void = () => undefined;
  #known = new Map<FencingToken, HoldSighting>();
  #looking = false;
  #lookAgain = false;
  #forget: () => void = () => undefined;

  /** @internal Watchers are made by their manager. */
  constructor(
    readonly resource: string,
    private readonly directory: string,
    private readonly port: (signal: AbortSignal) => Promise<QueuePort>,
    signal?: AbortSignal,
  ) {
    super();
    this.#unhook = onAbort(signal, () => this.close());
    if (!this.isClosed) void this.#follow();
  }

  get isClosed(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Ends the watch; iterators end with it. Idempotent. */
  close(): void {
    if (this.isClosed) return;
    this.#abort.abort();
    this.#unhook();
    this.#forget();
    this.emit("closed");
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ResourceEvent> {
    if (this.isClosed) return;
    const events = on(this, "event", { close: ["closed"] });
    try {
      // Who begins to listen later than the watch begins with what holds then.
      for (const hold of [...this.#known.values()]) yield { type: "locked", ...hold };
      for await (const [event] of events) yield event as ResourceEvent;
    } finally {
      await events.return?.();
    }
  }

  /** One session after the other, for as long as there are any. */
  async #follow(): Promise<void> {
    try {
      while (!this.isClosed) {
        const port = await this.port(this.#abort.signal);
        const look = (): void => void this.#look(port);
        port.session.on("connected", look);
        look();
        await new Promise<void>((resolve) => {
          port.session.once("ended", resolve);
          this.once("closed", resolve);
          if (port.session.ended) resolve();
        });
        port.session.removeListener("connected", look);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Looks at the queue, and goes on watching it. Events that come in meanwhile lead to one more look. */
  async #look(port: QueuePort): Promise<void> {
    this.#lookAgain = true;
    if (this.#looking) return;
    this.#looking = true;
    while (this.#lookAgain && !this.isClosed) {
      this.#lookAgain = false;
      try {
        this.#forget();
        const { listing, forget } = await port.watchQueue(this.directory, () => void this.#look(port));
        this.#forget = forget;
        if (listing === null) {
          await port.makeDirectory(this.directory);
          this.#lookAgain = true;
        }
        this.#compare(await this.#sightings(port, listing));
      } catch (error) {
        // Out of touch: the reconnect looks again.
        if (!(error instanceof ConnectionLossError) && !port.session.ended) this.#fail(error);
      }
    }
    this.#looking = false;
    if (this.isClosed) this.#forget();
  }

  async #sightings(
    port: QueuePort,
    listing: { czxid: number; children: readonly string[] } | null,
  ): Promise<Map<FencingToken, HoldSighting>> {
    if (listing === null) return new Map();
    const queue = queueOf(listing.children);
    const stored = queue[0]?.demand === "permit" ? await port.stored(this.directory) : null;
    const limit = stored === null ? undefined : readSemaphoreData(stored.data).limit;
    const holders = holdersOf(queue, limit ?? 1).map(async ({ name, sequence }) => {
      const token = listing.czxid + sequence;
      const known = this.#known.get(token);
      if (known !== undefined) return known;
      const content = await port.read(`${this.directory}/${name}`);
      const identity = content === null ? undefined : readIdentity(content.data);
      return { token, ...(identity && { identity }) };
    });
    return new Map((await Promise.all(holders)).map((hold) => [hold.token, hold]));
  }

  #compare(now: Map<FencingToken, HoldSighting>): void {
    const before = this.#known;
    this.#known = now;
    for (const [token, hold] of before) if (!now.has(token)) this.#tell({ type: "unlocked", ...hold });
    for (const [token, hold] of now) if (!before.has(token)) this.#tell({ type: "locked", ...hold });
  }

  #tell(event: ResourceEvent): void {
    if (this.isClosed) return;
    const { type, ...hold } = event;
    this.emit(type, hold);
    this.emit("event", event);
  }

  #fail(error: unknown): void {
    if (this.isClosed) return;
    // First the reason, then the end: an iterator rejects with it.
    if (this.listenerCount("error") > 0) this.emit("error", error);
    this.close();
  }
}
