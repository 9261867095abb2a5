import type { Clock } from "../../common/clock.js";
import { inBackground } from "../time/background.js";
import { CallbackWatch } from "./callback-watch.js";
import type { CoreConfig, Observer } from "./client-observer.js";
import { ClientQueue } from "./client-queue.js";
import { ClientWatches } from "./client-watches.js";
import { Code, EndState, State } from "../protocol/codes.js";
import { type Downward, type Request, type Result, type WatchEvent, Xid } from "../protocol/messages.js";
import { Heartbeat } from "./heartbeat.js";
import type { Line, Receiver, Route } from "../network/route.js";

/** The C client's inside: one session, one connection at a time, the queue of requests, heartbeats and reconnects. */
export class ClientCore implements Receiver {
  state: number = State.connecting;
  sessionId: string;
  password: string;
  timeoutMs: number;
  readonly #queue = new ClientQueue();
  readonly #watches = new ClientWatches();
  readonly #heartbeat: Heartbeat;
  #line: Line | null = null;
  #isClosed = false;
  #attempts = 0;
  #seenZxid = 0;
  /** The end of a connection is being told; the next attempt comes after that. */
  #isFailing = false;
  #isHurried = false;
  #stopRetry: () => void = () => {};
  readonly #callbacks: CallbackWatch;

  constructor(
    private readonly config: CoreConfig,
    private readonly clock: Clock,
    private readonly route: Route,
    private readonly observer: Observer,
  ) {
    this.sessionId = config.sessionId;
    this.password = config.password;
    this.timeoutMs = config.timeoutMs;
    this.#callbacks = new CallbackWatch(clock);
    this.#heartbeat = new Heartbeat(clock, {
      quiet: () => this.#ping(),
      silent: () => this.#drop(Code.operationTimeout),
    });
    this.#connect();
  }

  get pending(): number {
    return this.#queue.length;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isConnected(): boolean {
    return this.state === State.connected;
  }

  request(request: Request, finish: (result: Result) => void): void {
    const pending = this.#queue.add(request, finish);
    if (!this.isConnected || !this.#canSend()) this.#queue.keepForLater(pending);
    else this.#send(pending.xid, request);
  }

  addCredentials(scheme: string, secret: string, finish: (result: Result) => void): number {
    if (this.state === State.none) return Code.invalidState;
    // It leaves with whatever is sent next, or when the next thing happens on the connection.
    this.#queue.addCredentials({ scheme, secret, finish });
    return Code.ok;
  }

  /** Ends the session where it can be reached; what is pending is answered "closing" before this returns. */
  close(losesRequests: boolean): void {
    if (this.#isClosed) return;
    if (this.#callbacks.isInside) this.observer.hazard("close-in-callback");
    if (this.#line !== null && this.isConnected) this.route.endSession(this.#line, losesRequests);
    this.#end();
    for (const finish of this.#queue.takeAll()) finish({ code: Code.closing });
    this.state = State.none;
    this.observer.closed(EndState.closed);
  }

  /** The next attempt to connect is made as soon as the last one has failed. */
  connectNow(): void {
    if (this.#isClosed || this.isConnected) return;
    if (this.#isFailing || this.#line?.isReset === true) this.#isHurried = true;
    else if (this.#line === null) this.#connect();
  }

  receive(message: Downward): void {
    this.#heartbeat.received();
    switch (message.type) {
      case "welcome":
        return this.#welcome(message);
      case "end":
        return this.#drop(Code.connectionLoss);
      case "event":
        if (this.#watches.take(message.event, message.path)) this.#tell(message.event, message.path);
        return this.#sendCredentials(false);
      case "reply":
        this.#answer(message);
        return this.#sendCredentials(false);
    }
  }

  broken(): void {
    if (this.state === State.broken) this.observer.hazard("broken-client-left-open");
    this.#drop(Code.connectionLoss);
  }

  #connect(): void {
    this.#attempts++;
    this.#stopRetry();
    this.state = State.connecting;
    this.#line = this.route.open(this);
    if (this.#line === null) {
      this.#isFailing = true;
      this.clock.soon(() => this.#fail(Code.connectionLoss));
      return;
    }
    this.state = State.associating;
    const { sessionId, password, timeoutMs } = this;
    this.#line.up.send({ op: "hello", sessionId, password, timeoutMs, seenZxid: this.#seenZxid });
    this.#heartbeat.start(timeoutMs);
  }

  #welcome({ sessionId, password, timeoutMs }: Downward & { type: "welcome" }): void {
    if (sessionId === "0" || (this.sessionId !== "0" && this.sessionId !== sessionId))
      return this.#die(EndState.expired);
    Object.assign(this, { sessionId, password, timeoutMs });
    this.state = State.connected;
    this.#attempts = 1;
    this.#sendCredentials(true);
    const watches = this.#watches.all;
    if (watches !== null) this.#send(Xid.setWatches, { op: "setWatches", seenZxid: this.#seenZxid, ...watches });
    for (const { xid, request } of this.#queue.takeUnsent()) this.#send(xid, request);
    this.#heartbeat.start(timeoutMs);
    this.#tell("connect", "");
  }

  #answer({ xid, zxid, result }: Downward & { type: "reply" }): void {
    if (xid === Xid.ping || xid === Xid.setWatches) return;
    if (xid === Xid.auth) return this.#authenticated(result);
    const pending = this.#queue.answeredBy(xid);
    // A reply is missing: the client calls it an inconsistency, fails everything that waits, and drops the connection.
    if (pending === null) return this.#drop(Code.runtimeInconsistency);
    this.#seenZxid = zxid;
    this.#watches.answered(pending.request, result.code);
    this.#call(pending.finish, result);
  }

  #authenticated(result: Result): void {
    if (result.code !== Code.ok) this.state = EndState.authFailed;
    for (const finish of this.#queue.takeCredentialCallbacks()) this.#call(finish, result);
    if (result.code !== Code.ok) this.#die(EndState.authFailed);
  }

  #ping(): void {
    // A client that waits for an answer sends no heartbeat: a server that stays silent for so long is given up.
    if (this.isConnected && this.#queue.isEmpty) this.#transmit(Xid.ping, { op: "ping" });
    this.#sendCredentials(false);
  }

  #sendCredentials(all: boolean): void {
    if (!this.isConnected) return;
    for (const { scheme, secret } of this.#queue.takeCredentials(all))
      this.#transmit(Xid.auth, { op: "auth", scheme, secret });
  }

  #send(xid: number, request: Request): void {
    this.#sendCredentials(false);
    this.#transmit(xid, request);
  }

  #transmit(xid: number, request: Request): void {
    this.#heartbeat.sent();
    this.#line?.up.send({ op: "request", xid, request });
  }

  /**
   * A send on a socket that has been reset: the client closes it behind libuv's back, and says so by its state only.
   */
  #canSend(): boolean {
    if (this.#line?.isReset !== true || !this.#line.isTrap) return true;
    this.state = State.broken;
    return false;
  }

  /**
   * Only a client that was connected says so; what was pending fails after the event, and the state changes between.
   */
  #drop(code: number): void {
    if (this.#isClosed || this.#line === null) return;
    this.route.abandon(this.#line);
    this.#line = null;
    this.#heartbeat.stop();
    if (this.state === State.broken) return this.#retryLater();
    this.#isFailing = true;
    if (!this.isConnected) return this.#fail(code);
    this.clock.soon(() => this.#fail(code));
    this.#tell("connecting", "");
  }

  #fail(code: number): void {
    if (this.#isClosed) return;
    this.#isFailing = false;
    this.state = State.none;
    for (const finish of this.#queue.takeAll()) this.clock.soon(() => this.#call(finish, { code }));
    if (this.#isHurried) this.clock.soon(() => this.connectNow());
    else if (this.#attempts % this.config.addresses === 0) this.#retryLater();
    else this.#stopRetry = this.route.afterReconnectDelay(() => this.connectNow());
    this.#isHurried = false;
  }

  #retryLater(): void {
    this.#stopRetry = inBackground(this.clock, this.timeoutMs / 3, () => this.connectNow());
  }

  /** The end that the server decides on: the owner hears `close`, then what was pending fails. */
  #die(code: number): void {
    this.#end();
    this.state = State.none;
    const callbacks = this.#queue.takeAll();
    this.#callbacks.enter();
    for (const finish of callbacks) this.clock.soon(() => this.#call(finish, { code: Code.closing }));
    this.observer.closed(code);
  }

  #end(): void {
    this.#isClosed = true;
    this.#stopRetry();
    this.#heartbeat.stop();
    if (this.#line !== null) this.route.abandon(this.#line);
    this.#line = null;
  }

  #call(finish: (result: Result) => void, result: Result): void {
    this.#callbacks.enter();
    finish(result);
  }

  #tell(name: "connect" | "connecting" | WatchEvent, path: string): void {
    this.#callbacks.enter();
    this.observer.event(name, path);
  }
}
