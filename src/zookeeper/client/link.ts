import { EventEmitter } from "node:events";
import { type Clock, elapsedMs, type Instant, instantOf } from "../../common/clock.js";
import type { ClientCalls, PackageClient } from "./client.js";
import { ClientState, Code } from "./codes.js";
import { UNBOUNDED_PARTIAL_READS } from "./native-client.js";

interface LinkEvents {
  /** A session is established on this client, for the first time or again. */
  up: [];
  /** The connection is gone; the client goes on trying by itself. */
  down: [];
  /** The client is dead, with its code: its session ended, or its owner closed it. */
  closed: [code: number];
  /** A send ran into a dead socket, so the client had to be closed on the spot. The session may well be alive. */
  broken: [];
  /** Something happened to a watched node. */
  nodeEvent: [path: string];
}

/** The answer to one request. `code` is the server's, or one of the client's for "unknown". */
export interface Reply<T> {
  readonly code: number;
  readonly value: T | null;
  /** When the request was handed to the client. */
  readonly sentAt: Instant;
}

/** The rest leaves in the turns after it, in its order: each costs the client up to some tens of microseconds. */
const SENT_PER_TURN = 500;

type Done<T> = (code: number, value: T | null) => void;
export type Send<T> = (calls: ClientCalls, done: Done<T>, client: PackageClient) => number;

/** The package's own `response_counter_limit`. */
const DEFAULT_PARTIAL_READS = 10;
/** A TCP segment carries 536 bytes at the least. */
const SMALLEST_PIECE_BYTES = 500;
/** A reply may share its first and its last piece with others. */
const SPARE_PIECES = 2;

interface Waiting {
  send(): void;
  refuse(code: number): void;
}

interface SharedRequest {
  readonly reply: Promise<unknown>;
  readonly waiting: Waiting;
  /** How many of those who asked have not had their turn to send: the last of them sends it. */
  asked: number;
}

/**
 * One `zookeeper` client, made safe. Requests leave from a macrotask of our own, in order and several at a time. None waits for
 * ever: a reply that was swallowed on a live connection would never be missed otherwise, so overdue ones are given up.
 */
export class Link extends EventEmitter<LinkEvents> {
  #waiting: Waiting[] = [];
  /** Questions that are not under way yet, by key. */
  readonly #shared = new Map<string, SharedRequest>();
  /** Sent and not answered, the oldest first. */
  readonly #unanswered = new Set<{ readonly sentAt: Instant; giveUp(): void }>();
  #flushIsDue = false;
  #finishing = false;
  #closed = false;
  #password = "";
  #ended: Promise<unknown> = Promise.resolve();
  readonly #unhook: () => void;

  constructor(
    readonly client: PackageClient,
    private readonly clock: Clock,
  ) {
    super();
    this.#password = client.client_password;
    this.#unhook = this.#listen();
  }

  isUp(): boolean {
    return !this.#closed && this.client.state === ClientState.connected;
  }

  /** The longest reply that this client bears however small the pieces are in which it arrives, in bytes. */
  get longestReplyBytes(): number {
    if (this.client.native === undefined) return Infinity;
    // What its owner said when starting it is not to be found out.
    const limit = this.client.config?.response_counter_limit ?? DEFAULT_PARTIAL_READS;
    return limit >= UNBOUNDED_PARTIAL_READS ? Infinity : Math.max(limit - SPARE_PIECES, 1) * SMALLEST_PIECE_BYTES;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** The secret that lets another client into this session, as it was when we were last in touch. */
  get password(): string {
    return this.#password;
  }

  /** Sends one request. Never rejects; an outcome that is not known resolves with a code that says so. */
  request<T>(send: Send<T>): Promise<Reply<T>> {
    return new Promise((resolve) => this.#enqueue(this.#waitingFor(send, resolve)));
  }

  /**
   * As `request`, for a question that many ask in one turn: those with the same key get one promise of one answer. It leaves behind
   * all that was requested before the last of them asked.
   */
  shared<T>(key: string, send: Send<T>): Promise<Reply<T>> {
    const shared = this.#shared.get(key) ?? this.#sharedRequest(send);
    this.#shared.set(key, shared);
    shared.asked += 1;
    const unlessLast = (act: (waiting: Waiting) => void): void => {
      shared.asked -= 1;
      if (shared.asked > 0) return;
      if (this.#shared.get(key) === shared) this.#shared.delete(key);
      act(shared.waiting);
    };
    this.#enqueue({
      send: () => unlessLast((waiting) => waiting.send()),
      refuse: (code) => unlessLast((waiting) => waiting.refuse(code)),
    });
    return shared.reply as Promise<Reply<T>>;
  }

  /** Gives up what has not been answered for `patienceMs`: its outcome is unknown. To be called now and then. */
  giveUpOverdue(patienceMs: number): void {
    const now = instantOf(this.clock);
    for (const request of this.#unanswered) {
      if (elapsedMs(request.sentAt, now) < patienceMs) return;
      request.giveUp();
    }
  }

  /**
   * Takes no more requests; resolves when those it has taken are answered, or never will be. A session's end that is sent with
   * replies still to be read can be lost, and the session lives on to its timeout.
   */
  async finish(): Promise<void> {
    // Replies come in order: this one is the last.
    const last = this.request((calls, done) => calls.a_sync("/", (code) => done(code, null)));
    this.#finishing = true;
    await last;
  }

  /**
   * Ends the client. On a live connection this ends the session too; on a dead one the session lives on. Only from a macrotask
   * of our own: called inside one of the client's callbacks it can kill the process.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unhook();
    this.#ended = Promise.resolve(this.client.close());
    this.#refuseAll(Code.connectionLoss);
  }

  /** Resolves when the client that `close` has closed is done with it. */
  async whenEnded(): Promise<void> {
    await this.#ended;
  }

  /** Lets go of a client that belongs to somebody else, and leaves it running. */
  release(): void {
    this.#closed = true;
    this.#unhook();
    this.#refuseAll(Code.connectionLoss);
  }

  #waitingFor<T>(send: Send<T>, resolve: (reply: Reply<T>) => void): Waiting {
    return {
      send: () => {
        const sentAt = instantOf(this.clock);
        const unanswered = { sentAt, giveUp: () => done(Code.operationTimeout, null) };
        const done: Done<T> = (code, value) => {
          this.#unanswered.delete(unanswered);
          resolve({ code, value, sentAt });
        };
        this.#unanswered.add(unanswered);
        const accepted = send(this.client.native ?? this.client, done, this.client);
        // A negative value means that the callback will never come.
        if (accepted < 0) done(accepted, null);
      },
      refuse: (code) => resolve({ code, value: null, sentAt: instantOf(this.clock) }),
    };
  }

  #sharedRequest<T>(send: Send<T>): SharedRequest {
    let settle!: (reply: Reply<T>) => void;
    const reply = new Promise<Reply<T>>((resolve) => (settle = resolve));
    return { reply, asked: 0, waiting: this.#waitingFor(send, settle) };
  }

  #enqueue(request: Waiting): void {
    if (this.#closed || this.#finishing) return request.refuse(Code.connectionLoss);
    this.#waiting.push(request);
    if (!this.#flushIsDue) this.#flushSoon();
  }

  #flushSoon(): void {
    this.#flushIsDue = true;
    this.clock.soon(() => this.#flush());
  }

  #flush(): void {
    this.#flushIsDue = false;
    // Who asks from now on asks anew: a question that waits for its turn is not put off any further.
    this.#shared.clear();
    if (!this.isUp()) return this.#refuseAll(Code.connectionLoss);
    const waiting = this.#waiting;
    const end = Math.min(waiting.length, SENT_PER_TURN);
    this.#waiting = waiting.slice(end);
    if (this.#waiting.length > 0) this.#flushSoon();
    for (let next = 0; next < end; next += 1) {
      waiting[next]?.send();
      if (this.isUp() || this.client.native === undefined) continue;
      // What has not been sent is refused with the rest, in its order.
      this.#waiting = [...waiting.slice(next + 1, end), ...this.#waiting];
      return this.#breakOff();
    }
  }

  /**
   * The send found the socket reset, and the C client closed the file descriptor behind libuv's back. Whatever is next opened
   * would get the same number and trip libuv, so the client must be gone before this turn is over.
   */
  #breakOff(): void {
    if (this.#closed) return;
    this.close();
    this.emit("broken");
  }

  #refuseAll(code: number): void {
    for (const request of this.#waiting.splice(0)) request.refuse(code);
  }

  #listen(): () => void {
    const { client } = this;
    const listeners: Record<string, (...args: never[]) => void> = {
      connect: () => {
        this.#password = client.client_password;
        this.emit("up");
      },
      // Inside this handler `state` still says connected; the truth is known a macrotask later.
      connecting: () => this.clock.soon(() => this.#closed || this.isUp() || this.emit("down")),
      close: (_client: unknown, code: number) => this.#onClose(code),
      deleted: (_client: unknown, path: string) => this.emit("nodeEvent", path),
      changed: (_client: unknown, path: string) => this.emit("nodeEvent", path),
      child: (_client: unknown, path: string) => this.emit("nodeEvent", path),
      created: (_client: unknown, path: string) => this.emit("nodeEvent", path),
    };
    for (const [event, listener] of Object.entries(listeners)) client.on(event, listener);
    return () => {
      for (const [event, listener] of Object.entries(listeners)) client.removeListener(event, listener);
    };
  }

  /** The client closed itself: on expiry, on failed authentication, or because its owner closed it. */
  #onClose(code: number): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unhook();
    this.clock.soon(() => {
      this.#refuseAll(Code.connectionLoss);
      this.emit("closed", code);
    });
  }
}
