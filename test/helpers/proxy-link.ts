import { connect, type Socket } from "node:net";
import { type Direction, ProxyPipe } from "./proxy-pipe.js";
import {
  replyHeader,
  requestHeader,
  type ReplyHeader,
  type RequestHeader,
  SESSION_EXPIRED,
} from "./zookeeper-frames.js";

/** What is done with a frame: it goes on, vanishes, or vanishes and takes the connection with it. */
export type Verdict = "pass" | "swallow" | "cut";

export interface LinkWatcher {
  /** A client wants in: to the server, or it is told here that its session has expired. */
  handshake(): "pass" | "expire";
  request(header: RequestHeader): Verdict;
  reply(header: ReplyHeader, opcode: number | undefined): Verdict;
}

/** One client's connection through the proxy: the client's socket and ours to the server. */
export class ProxyLink {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #pipes: readonly ProxyPipe[];
  /** The requests without a reply yet, by their xid, so that a reply is known by its operation. */
  readonly #opcodes = new Map<number, number>();
  readonly #watcher: LinkWatcher;
  #lossy = false;
  #handshakes = { client: true, server: true };

  constructor(
    client: Socket,
    target: { host: string; port: number },
    directions: { toServer: Direction; toClient: Direction },
    watcher: LinkWatcher,
  ) {
    this.#client = client;
    this.#watcher = watcher;
    this.#server = connect({ ...target, noDelay: true, allowHalfOpen: true });
    client.setNoDelay(true);
    this.#pipes = [
      new ProxyPipe(client, this.#server, directions.toServer, (frame) => this.#onRequest(frame)),
      new ProxyPipe(this.#server, client, directions.toClient, (frame) => this.#onReply(frame)),
    ];
    client.on("error", () => void this.#spreadReset(directions.toServer));
    this.#server.on("error", () => void this.#spreadReset(directions.toClient));
  }

  /** Whether bytes of this connection have vanished. */
  get lossy(): boolean {
    return this.#lossy || this.#pipes.some((pipe) => pipe.lossy);
  }

  /** Resets the connection on both sides: what was under way is gone. */
  cut(): void {
    for (const socket of [this.#client, this.#server]) {
      // Not resetAndDestroy(): it begins an orderly end first, and libuv refuses to reset a socket that is shutting down
      // (EINVAL), so that it would never be closed. For the same reason, one whose end is on its way is just closed.
      if (!socket.writableEnded) Object.assign(socket, { resetAndClosing: true });
      socket.destroy();
    }
  }

  /** Ends the client's side only: what it has sent and is still held back goes on to the server in its time. */
  hangUp(): void {
    this.#client.end();
  }

  /** Calls `action` when both sides are closed. */
  onClosed(action: () => void): void {
    const open = [this.#client, this.#server].filter((socket) => !socket.closed);
    let left = open.length;
    if (left === 0) action();
    for (const socket of open) {
      socket.once("close", () => {
        left -= 1;
        if (left === 0) action();
      });
    }
  }

  /** One side was reset, or cannot be reached: the other hears of it, if the way there is open. */
  async #spreadReset(direction: Direction): Promise<void> {
    await direction.gate;
    if (direction.blackhole) this.#lossy = true;
    else this.cut();
  }

  #onRequest(frame: Buffer): boolean {
    if (this.#isHandshake("client")) return this.#onHandshake();
    const header = requestHeader(frame);
    if (!header) return true;
    this.#opcodes.set(header.xid, header.opcode);
    return this.#obey(this.#watcher.request(header));
  }

  #onHandshake(): boolean {
    if (this.#watcher.handshake() === "pass") return true;
    this.#client.write(SESSION_EXPIRED);
    return false;
  }

  #onReply(frame: Buffer): boolean {
    const header = this.#isHandshake("server") ? undefined : replyHeader(frame);
    if (!header) return true;
    const opcode = this.#opcodes.get(header.xid);
    this.#opcodes.delete(header.xid);
    return this.#obey(this.#watcher.reply(header, opcode));
  }

  #obey(verdict: Verdict): boolean {
    if (verdict === "cut") this.cut();
    return verdict === "pass";
  }

  #isHandshake(side: "client" | "server"): boolean {
    const first = this.#handshakes[side];
    this.#handshakes[side] = false;
    return first;
  }
}
