import { EventEmitter } from "node:events";
import { microtask } from "../../common/later.js";
import { type Clock, type Instant, instantOf } from "../../common/clock.js";
import type { Encoded } from "./codec.js";
import { type Endpoint, FrameSocket } from "./frame-socket.js";
import { Heartbeat } from "./heartbeat.js";
import { type JuteReader, MalformedMessageError } from "./jute-reader.js";
import { type Operation, operations } from "./operations.js";
import { PendingRequests } from "./pending-requests.js";
import { type Established, type SessionKey, SessionOverError } from "./session-key.js";
import {
  connectReply,
  connectRequest,
  type NodeEvent,
  replyHeader,
  requestHeader,
  WATCHER_EVENTS,
  watcherEvent,
  Xid,
} from "./records.js";

export interface WireOptions extends Endpoint {
  readonly sessionTimeoutMs: number;
  /** For all of it: the connection, TLS, and the server's answer. */
  readonly connectTimeoutMs: number;
  /** A session to go on with; undefined: a new one. */
  readonly resume?: SessionKey | undefined;
  /** The latest transaction that the session has seen: a server that lags behind it refuses us. Default: 0n. */
  readonly lastZxid?: bigint | undefined;
  readonly clock: Clock;
}

interface WireEvents {
  established: [session: Established];
  /** The connection is gone for good; what had not been answered has an outcome that is not known. Told once. */
  closed: [reason: Error];
  nodeEvent: [kind: NodeEvent, path: string];
}

/** The outcome of one request: a code of the server's, or CONNECTION_LOSS where it is not known. */
export type Done<T> = (code: number, value: T | null, sentAt: Instant) => void;

type State =
  | { readonly kind: "connecting"; readonly cancelDeadline: () => void }
  | { readonly kind: "established"; readonly session: Established; readonly heartbeat: Heartbeat }
  | { readonly kind: "closed" };

export const CONNECTION_LOSS = -4;
const NO_PASSWORD = Buffer.alloc(16);
const LARGEST_XID = 0x7fff_ffff;
/** Events by their number. */
const NODE_EVENTS = new Map(Object.entries(WATCHER_EVENTS).map(([kind, type]) => [type as number, kind as NodeEvent]));

/**
 * One connection to one server, from its first byte to its last: it is not made anew. (To go on with the session, open another one
 * with `resume`, when this one is closed.) Nothing of it throws out of a handler, and nothing waits for ever: the handshake, a silent
 * server and an overdue reply have deadlines, and past them the connection is closed.
 */
export class WireConnection extends EventEmitter<WireEvents> {
  #state: State;
  readonly #socket: FrameSocket;
  readonly #pending = new PendingRequests();
  /** Answers to `auth` have an xid of their own, and come in order. */
  readonly #auths: Done<null>[] = [];
  #xid = 0;
  #lastZxid = 0n;

  constructor(private readonly options: WireOptions) {
    super();
    const { connectTimeoutMs, clock } = options;
    const late = new Error(`The server has not answered within ${Math.round(connectTimeoutMs)} ms.`);
    this.#state = { kind: "connecting", cancelDeadline: clock.after(connectTimeoutMs, () => this.#close(late)) };
    this.#socket = new FrameSocket(options, clock, {
      onOpen: () => this.#sayHello(),
      onFrame: (frame) => this.#onFrame(frame),
      onClosed: (reason) => this.#close(reason),
    });
  }

  get isEstablished(): boolean {
    return this.#state.kind === "established";
  }

  /** The latest transaction that the server has told us of. */
  get lastZxid(): bigint {
    return this.#lastZxid;
  }

  /** How many requests have not been answered. */
  get unanswered(): number {
    return this.#pending.size;
  }

  /** Sends one request. `done` is called once, whatever happens; requests of one turn leave in one write. */
  request<Request, Reply>(operation: Operation<Request, Reply>, request: Request, done: Done<Reply>): void {
    const sentAt = instantOf(this.options.clock);
    if (this.#state.kind !== "established") return done(CONNECTION_LOSS, null, sentAt);
    this.#xid = this.#xid === LARGEST_XID ? 1 : this.#xid + 1;
    this.#pending.add({
      xid: this.#xid,
      sentAt,
      read: (code, body) => {
        const value = code === 0 ? operation.reply.read(body) : null;
        return () => this.#call(() => done(code, value, sentAt));
      },
      giveUp: () => this.#call(() => done(CONNECTION_LOSS, null, sentAt)),
    });
    this.#send(this.#xid, operation, request);
  }

  /** Says who we are. */
  authenticate(scheme: string, credentials: Buffer, done: Done<null>): void {
    if (this.#state.kind !== "established") return done(CONNECTION_LOSS, null, instantOf(this.options.clock));
    this.#auths.push(done);
    this.#send(Xid.auth, operations.auth, { type: 0, scheme, credentials });
  }

  /**
   * Ends the session, behind all that has been sent. Resolves when the server has said so, when the connection is gone, or after
   * `patienceMs`: then the session lives on to its timeout.
   */
  async close(patienceMs: number): Promise<void> {
    if (this.#state.kind === "established") {
      await new Promise<void>((resolve) => {
        const cancel = this.options.clock.after(patienceMs, resolve);
        this.request(operations.closeSession, null, () => {
          cancel();
          resolve();
        });
      });
    }
    this.abandon();
  }

  /** Lets go of the connection; the session lives on. Safe at any moment, in any callback. */
  abandon(): void {
    this.#close(new Error("We have let go of the connection."));
  }

  #sayHello(): void {
    const { sessionTimeoutMs, resume, lastZxid = 0n } = this.options;
    const hello: Encoded<typeof connectRequest> = {
      protocolVersion: 0,
      lastZxidSeen: lastZxid,
      timeoutMs: sessionTimeoutMs,
      sessionId: resume?.id ?? 0n,
      password: resume?.password ?? NO_PASSWORD,
      readOnly: false,
    };
    this.#socket.send((to) => connectRequest.write(to, hello));
  }

  #send<Request>(xid: number, operation: Operation<Request, unknown>, request: Request): void {
    this.#socket.send((to) => {
      requestHeader.write(to, { xid, operation: operation.number });
      operation.request.write(to, request);
    });
  }

  #onFrame(frame: JuteReader): void {
    switch (this.#state.kind) {
      case "connecting":
        return this.#onWelcome(connectReply.read(frame), this.#state.cancelDeadline);
      case "established":
        return this.#onReply(replyHeader.read(frame), frame);
      case "closed":
        return;
      default:
        return this.#state satisfies never;
    }
  }

  #onWelcome({ timeoutMs, sessionId, password }: Encoded<typeof connectReply>, cancelDeadline: () => void): void {
    if (timeoutMs <= 0) return this.#close(new SessionOverError("The session is over."));
    cancelDeadline();
    const session = { id: sessionId, password: password ?? NO_PASSWORD, timeoutMs };
    this.#state = { kind: "established", session, heartbeat: this.#startHeartbeat(timeoutMs) };
    this.#call(() => this.emit("established", session));
  }

  #startHeartbeat(timeoutMs: number): Heartbeat {
    const [socket, pending] = [this.#socket, this.#pending];
    return new Heartbeat(this.options.clock, timeoutMs, {
      get heardAt() {
        return socket.heardAt;
      },
      get sentAt() {
        return socket.sentAt;
      },
      get askedAt() {
        return pending.oldest?.sentAt;
      },
      ping: () => this.#send(Xid.ping, operations.ping, null),
      breakOff: (reason) => this.#close(reason),
    });
  }

  #onReply({ xid, zxid, code }: Encoded<typeof replyHeader>, body: JuteReader): void {
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
    switch (xid) {
      case Xid.event: {
        const { type, path } = watcherEvent.read(body);
        const kind = NODE_EVENTS.get(type);
        if (kind !== undefined) this.#call(() => this.emit("nodeEvent", kind, path));
        return;
      }
      case Xid.ping:
        if (this.#state.kind === "established") this.#state.heartbeat.answered();
        return;
      case Xid.auth: {
        const done = this.#auths.shift();
        this.#call(() => done?.(code, null, this.#socket.heardAt));
        return;
      }
      default: {
        const request = this.#pending.oldest;
        if (request?.xid !== xid) {
          throw new MalformedMessageError(`A reply to request ${xid}, which was not the next one.`);
        }
        // Read before it counts as answered: a reply that cannot be read is none.
        const answer = request.read(code, body);
        this.#pending.removeOldest();
        answer();
      }
    }
  }

  /** A listener's exception is uncaught, as from any event, and does not tear the protocol apart. */
  #call(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      microtask(() => {
        throw error;
      });
    }
  }

  #close(reason: Error): void {
    switch (this.#state.kind) {
      case "closed":
        return;
      case "connecting":
        this.#state.cancelDeadline();
        break;
      case "established":
        this.#state.heartbeat.stop();
        break;
      default:
        this.#state satisfies never;
    }
    this.#state = { kind: "closed" };
    this.#socket.destroy();
    const [requests, auths] = [this.#pending.takeAll(), this.#auths.splice(0)];
    this.#call(() => this.emit("closed", reason));
    for (const request of requests) request.giveUp();
    for (const done of auths) this.#call(() => done(CONNECTION_LOSS, null, this.#socket.heardAt));
  }
}
