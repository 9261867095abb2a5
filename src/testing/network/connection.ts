import { type Credential, credentialOf } from "../ensemble/acl.js";
import { Code } from "../protocol/codes.js";
import type { Ensemble } from "../ensemble/ensemble.js";
import {
  Xid,
  type Downward,
  type Hello,
  type Operation,
  type Request,
  type Result,
  type Upward,
  type WatchEvent,
} from "../protocol/messages.js";
import { LONGEST_MESSAGE, lengthOf } from "../protocol/messages.js";
import type { Server } from "../ensemble/server.js";
import type { Carrier, Session } from "../ensemble/sessions.js";
import type { Watcher } from "../ensemble/watch-table.js";

/** What becomes of a reply. */
export type ReplyFate = "sent" | "swallowed" | "cut-off";

/** Where a server's messages to one client go. */
export interface Outlet {
  send(message: Downward): void;
}

/** The server's end of one client's connection: one request after the other, answered in order. */
export class Connection implements Watcher, Carrier {
  readonly #credentials: Credential[] = [];
  #session: Session | null = null;
  #isOpen = true;
  #isStalled = false;

  /** @param fateOf decides on the reply to a request that has just been carried out */
  constructor(
    private readonly ensemble: Ensemble,
    readonly server: Server,
    private readonly down: Outlet,
    private readonly fateOf: (operation: Operation) => ReplyFate,
  ) {}

  get session(): Session | null {
    return this.#session;
  }

  receive(message: Upward): void {
    if (this.ensemble.hasDied) return this.end();
    if (!this.#isOpen || this.#stalls(message)) return;
    if (message.op === "hello") return this.#welcome(message);
    if (message.op === "bye") return this.end();
    if (lengthOf(message.request) > LONGEST_MESSAGE) return this.end();
    this.#touch();
    this.#serve(message.xid, message.request);
  }

  notify(event: WatchEvent, path: string): void {
    this.down.send({ type: "event", event, path });
  }

  /** Closes the connection from the server's side; what has been answered still arrives. */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.server.watches.forget(this);
    if (this.#session?.carrier === this) this.#session.carrier = null;
    this.down.send({ type: "end" });
  }

  #welcome({ sessionId, password, timeoutMs, seenZxid }: Hello): void {
    const session = sessionId === "0" ? this.ensemble.openSession(timeoutMs) : this.ensemble.sessions.get(sessionId);
    // A server first closes its own older connection of the session, even if the password will turn out to be wrong. On
    // another server, the older one lives on until it writes.
    const older = session?.carrier;
    if (older instanceof Connection && older.server === this.server) older.end();
    if (session === undefined || (sessionId !== "0" && session.password !== password)) {
      this.down.send({ type: "welcome", sessionId: "0", password: "", timeoutMs: 0 });
      return this.end();
    }
    // A server behind what the client has seen would turn it away until it has caught up.
    if (this.server.zxid < seenZxid) this.ensemble.replication.catchUp(this.server);
    session.carrier = this;
    this.#session = session;
    this.#touch();
    this.down.send({
      type: "welcome",
      sessionId: session.id,
      password: session.password,
      timeoutMs: session.timeoutMs,
    });
  }

  /**
   * A server cut off from its leader answers reads from its own copy; but what takes the leader waits, and everything
   * of the session behind it. Back in touch, it begins anew, without the clients it had.
   */
  #stalls(message: Upward): boolean {
    const isIsolated = this.ensemble.isolated.has(this.server);
    if (isIsolated) this.#isStalled ||= takesTheLeader(message);
    else if (this.#isStalled) this.end();
    return this.#isStalled;
  }

  #touch(): void {
    if (this.#session?.carrier !== this || this.ensemble.isolated.has(this.server)) return;
    this.#session.touch(this.ensemble.options.clock.monotonicMs(), this.server !== this.ensemble.leader);
  }

  #serve(xid: number, request: Request): void {
    const session = this.#session;
    if (session === null) return this.end();
    switch (request.op) {
      case "ping":
        return this.#reply(Xid.ping, "ping", { code: Code.ok });
      case "setWatches":
        this.server.rewatch(request, request.seenZxid, this);
        return this.#reply(Xid.setWatches, "setWatches", { code: Code.ok });
      case "checkWatches":
      case "removeWatches":
      case "addWatch":
        return this.#reply(xid, request.op, this.server.watch(request, this));
      case "whoAmI":
        return this.#reply(xid, "whoAmI", { code: Code.ok, credentials: [...this.#credentials] });
      case "auth":
        return this.#authenticate(request.scheme, request.secret);
      case "close":
        this.ensemble.endSession(session);
        return this.end();
      case "create":
      case "delete":
      case "set":
      case "setAcl":
      case "check":
      case "multi": {
        if (session.carrier !== this) {
          this.#reply(xid, request.op, { code: Code.sessionMoved });
          return this.end();
        }
        const author = { sessionId: session.id, credentials: this.#credentials };
        const result =
          request.op === "multi" ? this.ensemble.writeAll(request.parts, author) : this.ensemble.write(request, author);
        // Whatever else a session reads, it reads its own writes.
        this.ensemble.replication.catchUp(this.server);
        return this.#reply(xid, request.op, result);
      }
      case "sync":
      case "get":
      case "exists":
      case "children":
      case "getAcl":
        if (request.op === "sync") this.ensemble.replication.catchUp(this.server);
        return this.#reply(xid, request.op, this.server.read(request, session.id, this.#credentials, this));
    }
  }

  #authenticate(scheme: string, secret: string): void {
    const credential = credentialOf(scheme, secret);
    if (credential !== null) this.#credentials.push(credential);
    this.#reply(Xid.auth, "auth", { code: credential === null ? Code.authFailed : Code.ok });
    if (credential === null) this.end();
  }

  #reply(xid: number, operation: Operation, result: Result): void {
    switch (this.fateOf(operation)) {
      case "sent":
        return this.down.send({ type: "reply", xid, zxid: this.server.zxid, result });
      case "swallowed":
        return;
      case "cut-off":
        // What was answered before still arrives; what was asked after is lost.
        return this.end();
    }
  }
}

function takesTheLeader(message: Upward): boolean {
  if (message.op === "hello" || message.op === "bye") return message.op === "hello";
  return WRITES_AND_SYNC.has(message.request.op);
}

const WRITES_AND_SYNC = new Set<string>(["create", "delete", "set", "setAcl", "check", "multi", "sync", "close"]);
