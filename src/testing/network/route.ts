import type { Clock } from "../../common/clock.js";
import { Channel } from "./channel.js";
import { Connection, type ReplyFate } from "./connection.js";
import type { Ensemble } from "../ensemble/ensemble.js";
import type { Downward, Operation, Upward } from "../protocol/messages.js";
import type { Server } from "../ensemble/server.js";

/** The client's end of one connection. */
export interface Receiver {
  receive(message: Downward): void;
  /** The connection has been reset, or refused. Called on the client's own clock. */
  broken(): void;
}

/** One connection, as the network sees it. */
export interface Line {
  readonly up: Channel<Upward>;
  readonly down: Channel<Downward>;
  readonly connection: Connection;
  readonly receiver: Receiver;
  isReset: boolean;
  /** A send on the reset connection fails at once, before the client has been told. */
  isTrap: boolean;
}

/** The replies to lose. */
interface Drop {
  readonly operation: Operation | "any";
  readonly keepOpen: boolean;
}

/** A little, so that virtual time passes where two clients take a session from each other for ever. */
const RECONNECT_MS = 1;

/** The way between one client and its server: where the faults are. */
export class Route {
  isCut = false;
  /** Counts cuts and their ends, so that the end of an older one does not end a newer one. */
  cuts = 0;
  /** Added to each message from server to client, in milliseconds. */
  delayMs = 0;
  readonly drops: Drop[] = [];
  readonly #blocked = { up: false, down: false };
  readonly #lines = new Set<Line>();
  #line: Line | null = null;

  constructor(
    private readonly ensemble: Ensemble,
    public server: Server,
    private readonly clientClock: Clock,
    private readonly latencyMs: () => number,
  ) {}

  /** The connection in use. */
  get line(): Line | null {
    return this.#line;
  }

  /** How many messages are on their way, those of connections that the client has given up included. */
  get inFlight(): number {
    let count = 0;
    for (const { up, down } of this.#lines) count += up.inFlight + down.inFlight;
    return count;
  }

  /** Connects; null where the network refuses at once. */
  open(receiver: Receiver): Line | null {
    if (this.isCut) return null;
    const { clock } = this.ensemble.options;
    const downMs = (): number => this.latencyMs() + this.delayMs;
    const down = new Channel<Downward>(clock, downMs, this.clientClock, (message) => receiver.receive(message));
    const fateOf = (operation: Operation): ReplyFate => this.#fateOf(operation);
    const connection = new Connection(this.ensemble, this.server, down, fateOf);
    const up = new Channel<Upward>(clock, this.latencyMs, null, (message) => {
      connection.receive(message);
      if (message.op === "bye") this.#lines.delete(line);
    });
    const line: Line = { up, down, connection, receiver, isReset: false, isTrap: false };
    this.#lines.add(line);
    this.#line = line;
    this.#applyBlocks(line);
    return line;
  }

  /** Another attempt is made a moment later. The network keeps the process alive over it, as a socket would. */
  afterReconnectDelay(attempt: () => void): () => void {
    return this.ensemble.options.clock.after(RECONNECT_MS, () => this.clientClock.soon(attempt));
  }

  /** The client closes its end. The server hears of it when the way is free. */
  abandon(line: Line): void {
    if (this.#line === line) this.#line = null;
    line.down.close();
    line.up.send({ op: "bye" });
    if (line.isReset) this.#lines.delete(line);
  }

  /**
   * Asks the server to end the session, behind everything else that is on its way. The C client waits for it, blocking,
   * so in virtual time it is done at once. `losesRequests`: the connection closes over it, and all of that is lost.
   */
  endSession(line: Line, losesRequests: boolean): void {
    if (line.isReset) return;
    if (losesRequests) {
      line.up.close();
      return line.connection.end();
    }
    line.up.send({ op: "request", xid: 0, request: { op: "close" } });
    line.up.flush();
  }

  block(directions: { up?: boolean; down?: boolean }): void {
    Object.assign(this.#blocked, directions);
    for (const line of this.#lines) this.#applyBlocks(line);
  }

  /** Breaks the connection on both ends. Requests on their way: the first `arriving` of them still reach the server. */
  reset(line = this.#line, arriving = 0, isTrap = false): void {
    if (line === null || line.isReset) return;
    line.isTrap = isTrap;
    line.up.flush(arriving);
    line.isReset = true;
    line.connection.end();
    line.up.close();
    line.down.close();
    this.#lines.delete(line);
    this.clientClock.soon(() => line.receiver.broken());
  }

  #applyBlocks(line: Line): void {
    line.up.block(this.#blocked.up);
    line.down.block(this.#blocked.down);
  }

  #fateOf(operation: Operation): ReplyFate {
    const place = this.drops.findIndex(
      (drop) => drop.operation === operation || (drop.operation === "any" && isQueued(operation)),
    );
    if (place < 0) return "sent";
    const [drop] = this.drops.splice(place, 1);
    return drop?.keepOpen === true ? "swallowed" : "cut-off";
  }
}

function isQueued(operation: Operation): boolean {
  return operation !== "ping" && operation !== "auth" && operation !== "setWatches";
}
