import { connect as connectPlain, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { microtask } from "../../common/later.js";
import { type Clock, type Instant, instantOf } from "../../common/clock.js";
import { FrameSplitter } from "./frame-splitter.js";
import { JuteReader } from "./jute-reader.js";
import { JuteWriter } from "./jute-writer.js";

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly tls?: ConnectionOptions | undefined;
}

interface Handlers {
  onOpen(): void;
  /** What it throws closes the socket, and is the reason. */
  onFrame(frame: JuteReader): void;
  /** Called once, when the socket is of no use any more; not after `destroy`. */
  onClosed(reason: Error): void;
}

/** A socket that carries frames, plain or over TLS. Frames that are sent in one turn leave in one write. */
export class FrameSocket {
  readonly #socket: Socket;
  readonly #incoming = new FrameSplitter();
  readonly #outgoing = new JuteWriter();
  readonly #clock: Clock;
  readonly #handlers: Handlers;
  #isOpen = true;
  #flushIsDue = false;
  #heardAt: Instant;
  #sentAt: Instant;

  constructor({ host, port, tls }: Endpoint, clock: Clock, handlers: Handlers) {
    this.#clock = clock;
    this.#handlers = handlers;
    this.#heardAt = this.#sentAt = instantOf(clock);
    this.#socket = tls === undefined ? connectPlain({ host, port }) : connectTls({ host, port, ...tls });
    this.#socket
      .setNoDelay(true)
      .once(tls === undefined ? "connect" : "secureConnect", () => handlers.onOpen())
      .on("data", (piece: Buffer) => this.#receive(piece))
      .on("error", (error) => this.#close(error))
      .on("close", () => this.#close(new Error("The server has closed the connection.")));
  }

  /** When the latest bytes came. */
  get heardAt(): Instant {
    return this.#heardAt;
  }

  /** When the latest bytes left. */
  get sentAt(): Instant {
    return this.#sentAt;
  }

  /** Sends one frame: what `write` writes. */
  send(write: (to: JuteWriter) => void): void {
    this.#outgoing.beginFrame();
    write(this.#outgoing);
    this.#outgoing.endFrame();
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    microtask(() => this.#flush());
  }

  /** Closes it at once. Safe at any moment. */
  destroy(): void {
    this.#isOpen = false;
    this.#socket.destroy();
  }

  #flush(): void {
    this.#flushIsDue = false;
    if (!this.#isOpen) return;
    this.#sentAt = instantOf(this.#clock);
    this.#socket.write(this.#outgoing.take());
  }

  #receive(piece: Buffer): void {
    if (!this.#isOpen) return;
    this.#heardAt = instantOf(this.#clock);
    try {
      this.#incoming.push(piece, (frame) => {
        // What came behind the frame that ended it all is nobody's.
        if (this.#isOpen) this.#handlers.onFrame(new JuteReader(frame));
      });
    } catch (error) {
      this.#close(error as Error);
    }
  }

  #close(reason: Error): void {
    if (!this.#isOpen) return;
    this.destroy();
    this.#handlers.onClosed(reason);
  }
}
