import type { Socket } from "node:net";
import { microtask } from "../common/later.js";
import type { Ensemble } from "../testing/ensemble/ensemble.js";
import { Connection } from "../testing/network/connection.js";
import { Code } from "../testing/protocol/codes.js";
import { type Downward, LONGEST_MESSAGE } from "../testing/protocol/messages.js";
import { bool } from "../zookeeper/wire/codec.js";
import { FrameSplitter } from "../zookeeper/wire/frame-splitter.js";
import { JuteReader } from "../zookeeper/wire/jute-reader.js";
import { JuteWriter } from "../zookeeper/wire/jute-writer.js";
import {
  connectReply,
  earlyConnectRequest,
  replyHeader,
  requestHeader,
  WATCHER_EVENTS,
  watcherEvent,
  Xid,
} from "../zookeeper/wire/records.js";
import { writeSessionId } from "../zookeeper/wire/session-key.js";
import { answerToWord } from "./four-letter-words.js";
import { readRequest, type ServedRequest } from "./requests.js";

/** A connection that has opened no session by then is closed, as a real server closes it. */
const HANDSHAKE_MS = 10_000;
/** What a client may leave unread. One that has more waiting for it does not read at all. */
const LONGEST_BACKLOG_BYTES = 64 * 1024 * 1024;
const NO_SESSION_PASSWORD = Buffer.alloc(16);
const WORD_BYTES = 4;
/** The client is connected: the state that a watcher event comes with. */
const CONNECTED = 3;

type State =
  /** Less than four bytes have come: a frame's length, or a word. */
  | { readonly kind: "first"; readonly bytes: Buffer }
  | { readonly kind: "greeting" }
  | { readonly kind: "serving" }
  | { readonly kind: "closed" };

/**
 * A client's socket in front of the ensemble. Whatever bytes come, nothing is thrown out of a handler: what is no request of
 * ZooKeeper's closes the connection.
 */
export class ClientConnection {
  readonly #frames = new FrameSplitter(LONGEST_MESSAGE);
  readonly #outgoing = new JuteWriter();
  readonly #connection: Connection;
  #state: State = { kind: "first", bytes: Buffer.alloc(0) };
  /** The client has asked whether the server is read-only, and reads the answer. */
  #knowsReadOnly = false;
  #request: ServedRequest | null = null;
  #closesBy: number | null = null;
  #flushIsDue = false;
  #isPaused = false;

  constructor(
    private readonly ensemble: Ensemble,
    private readonly socket: Socket,
  ) {
    this.#connection = new Connection(
      ensemble,
      ensemble.leader,
      { send: (message) => this.#send(message) },
      () => "sent",
    );
    socket
      .setNoDelay(true)
      .setTimeout(HANDSHAKE_MS, () => this.drop())
      .on("data", (piece: Buffer) => this.#receive(piece))
      .on("error", () => this.drop())
      .on("close", () => this.drop());
  }

  /** Closes it at once; the session lives on. */
  drop(): void {
    this.#state = { kind: "closed" };
    this.socket.destroy();
    this.#connection.receive({ op: "bye" });
  }

  /** While true, it is as if the network carried nothing, in neither direction. */
  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    if (isPaused) this.socket.pause();
    else {
      this.socket.resume();
      this.#flush();
    }
  }

  #receive(piece: Buffer): void {
    try {
      const bytes = this.#state.kind === "first" ? this.#firstBytes(this.#state.bytes, piece) : piece;
      if (bytes !== null) this.#frames.push(bytes, (frame) => this.#onFrame(new JuteReader(frame)));
    } catch {
      this.drop();
    }
  }

  /** Answers an administrator's word; null: there is nothing to be read as frames (yet). */
  #firstBytes(before: Buffer, piece: Buffer): Buffer | null {
    const bytes = Buffer.concat([before, piece]);
    if (bytes.length < WORD_BYTES) {
      this.#state = { kind: "first", bytes };
      return null;
    }
    const answer = answerToWord(bytes.toString("latin1", 0, WORD_BYTES), this.ensemble);
    this.#state = { kind: answer === undefined ? "greeting" : "closed" };
    if (answer === undefined) return bytes;
    this.socket.end(answer);
    return null;
  }

  #onFrame(frame: JuteReader): void {
    switch (this.#state.kind) {
      case "greeting":
        return this.#greet(frame);
      case "serving":
        return this.#serve(frame);
      case "first":
      case "closed":
        return;
      default:
        return this.#state satisfies never;
    }
  }

  #greet(frame: JuteReader): void {
    const { lastZxidSeen, timeoutMs, sessionId, password } = earlyConnectRequest.read(frame);
    this.#knowsReadOnly = frame.left > 0;
    this.#state = { kind: "serving" };
    this.socket.setTimeout(0);
    // A client that has seen transactions that have not happened comes from another server, or from before a restart.
    if (lastZxidSeen > BigInt(this.ensemble.lastZxid)) return this.drop();
    this.#connection.receive({
      op: "hello",
      sessionId: writeSessionId(sessionId),
      password: (password ?? NO_SESSION_PASSWORD).toString("hex").toUpperCase(),
      timeoutMs,
      seenZxid: Number(lastZxidSeen),
    });
  }

  #serve(frame: JuteReader): void {
    const { xid, operation } = requestHeader.read(frame);
    const served = readRequest(operation, frame);
    if (served === null) return this.#reply(xid, this.ensemble.leader.zxid, Code.unimplemented, () => undefined);
    const { request } = served;
    if (request.op === "close") this.#closesBy = xid;
    this.#request = served;
    this.#connection.receive({ op: "request", xid, request });
  }

  #send(message: Downward): void {
    switch (message.type) {
      case "welcome": {
        const { sessionId, password, timeoutMs } = message;
        const isOver = sessionId === "0";
        return this.#frame((to) => {
          connectReply.write(to, {
            protocolVersion: 0,
            timeoutMs,
            sessionId: BigInt(`0x${sessionId}`),
            password: isOver ? NO_SESSION_PASSWORD : Buffer.from(password, "hex"),
          });
          if (this.#knowsReadOnly) bool.write(to, false);
        });
      }
      case "event":
        return this.#frame((to) => {
          replyHeader.write(to, { xid: Xid.event, zxid: -1n, code: Code.ok });
          watcherEvent.write(to, { type: WATCHER_EVENTS[message.event], state: CONNECTED, path: message.path });
        });
      case "reply": {
        const { xid, zxid, result } = message;
        const request = this.#request;
        return this.#reply(xid, zxid, result.code, (to) => request?.answer(to, result));
      }
      case "end":
        if (this.#state.kind === "closed") return;
        if (this.#closesBy !== null) {
          this.#reply(this.#closesBy, this.ensemble.leader.zxid, Code.ok, () => undefined);
        }
        this.#state = { kind: "closed" };
        return this.#flushLater();
      default:
        return message satisfies never;
    }
  }

  #reply(xid: number, zxid: number, code: number, body: (to: JuteWriter) => void): void {
    this.#frame((to) => {
      replyHeader.write(to, { xid, zxid: BigInt(zxid), code });
      if (code === Code.ok) body(to);
    });
  }

  #frame(write: (to: JuteWriter) => void): void {
    this.#outgoing.beginFrame();
    write(this.#outgoing);
    this.#outgoing.endFrame();
    this.#flushLater();
  }

  #flushLater(): void {
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    microtask(() => this.#flush());
  }

  #flush(): void {
    if (this.#isPaused) return;
    this.#flushIsDue = false;
    if (!this.#outgoing.isEmpty && this.socket.writable) this.socket.write(this.#outgoing.take());
    if (this.#state.kind === "closed") this.socket.end();
    else if (this.socket.writableLength > LONGEST_BACKLOG_BYTES) this.drop();
  }
}
