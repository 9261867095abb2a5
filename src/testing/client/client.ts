import { EventEmitter } from "node:events";
import type { Clock } from "../../common/clock.js";
import { InvalidArgumentError } from "../../errors.js";
import type {
  Acl,
  AclCallback,
  ChildrenCallback,
  ClientConfig,
  DataCallback,
  PathCallback,
  StatCallback,
  VoidCallback,
  PackageClient,
} from "../../zookeeper/client/client.js";
import { ClientCore } from "./client-core.js";
import type { ClientHazard } from "./client-observer.js";
import { Code, Flag, textOf } from "../protocol/codes.js";
import type { Request, Result } from "../protocol/messages.js";
import { isSendablePath } from "../protocol/path.js";
import type { Route } from "../network/route.js";

/** What the client needs of the ensemble that made it. */
export interface ClientHome {
  readonly route: Route;
  readonly clock: Clock;
  /** Another client of the same ensemble, in the same process. */
  sibling(config: ClientConfig): InMemoryClient;
  /** Whether a close with requests under way leaves the session alive, this time. */
  losesRequests(): boolean;
  hazard(kind: ClientHazard, client: InMemoryClient): void;
}

const NO_PASSWORD = "0".repeat(32);
const DEFAULT_TIMEOUT_MS = 20_000;
/** How the C client behaves with a list of three addresses: it reconnects at once. */
const DEFAULT_ADDRESSES = 3;

/**
 * A client of the in-memory ensemble, with the calls, events and quirks of the `zookeeper` package's. Events:
 * `connect`, `connecting`, `created`, `deleted`, `changed`, `child` with (client, path), and `close` with (client,
 * code).
 */
export class InMemoryClient extends EventEmitter implements PackageClient {
  /** The clock of the client's process. */
  readonly clock: Clock;
  #core: ClientCore | null = null;

  /** Made by `InMemoryZooKeeper.client()`. */
  constructor(
    /** The configuration that the client was made with. */
    readonly config: ClientConfig,
    private readonly home: ClientHome,
  ) {
    super();
    this.clock = home.clock;
  }

  /** 0 not started, 1 connecting, 2 associating, 3 connected, 999 (or negative) not usable any more. */
  get state(): number {
    return this.#core?.state ?? 0;
  }

  /** The session's id in hexadecimal; "0" before the first connect. */
  get client_id(): string {
    return this.#core?.sessionId ?? "0";
  }

  /** The session's password: 32 hexadecimal digits. */
  get client_password(): string {
    return this.#core?.password ?? NO_PASSWORD;
  }

  /** The negotiated session timeout in milliseconds; -1 for a client that is closed or not started. */
  get timeout(): number {
    return this.#live?.timeoutMs ?? -1;
  }

  /** How many requests of this client have not been answered. */
  get pendingReplies(): number {
    return this.#core?.pending ?? 0;
  }

  /**
   * Starts the client; it connects in the background. What it was made with wins over `config`.
   * @throws InvalidArgumentError for a session id without its password, or a password that is not 32 digits long
   */
  init(config: ClientConfig = {}): this {
    const { client_id, client_password, timeout, connect } = { ...config, ...this.config };
    if ((client_id === undefined) !== (client_password === undefined)) {
      throw new InvalidArgumentError("ZK init: client id and password must either be both specified or unspecified");
    }
    if (client_password !== undefined && client_password.length !== NO_PASSWORD.length) {
      throw new InvalidArgumentError("ZK init: password does not have correct length");
    }
    const settings = {
      sessionId: client_id ?? "0",
      password: client_password ?? NO_PASSWORD,
      timeoutMs: timeout ?? DEFAULT_TIMEOUT_MS,
      addresses: connect?.split(",").length ?? DEFAULT_ADDRESSES,
    };
    this.#core = new ClientCore(settings, this.clock, this.home.route, {
      event: (name, path) => this.emit(name, this, path),
      closed: (code) => this.emit("close", this, code),
      hazard: (kind) => this.home.hazard(kind, this),
    });
    return this;
  }

  /** Ends the session, unless the client is out of touch with it. */
  close(): this {
    this.#live?.close(this.pendingReplies > 0 && this.home.losesRequests());
    return this;
  }

  /**
   * A fresh client of the same ensemble and process; give it `client_id` and `client_password` to take the session
   * over.
   */
  sibling(config: ClientConfig = {}): InMemoryClient {
    return this.home.sibling(config);
  }

  /** For the faults: what a client without a connection does next, it does now. */
  hurry(): void {
    this.#live?.connectNow();
  }

  // Node types listeners as taking anything, the client's interface as taking what they like: both fit these.
  /** Adds a listener, as every emitter does. */
  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.on(event, listener as (...args: unknown[]) => void);
  }

  /** Removes a listener, as every emitter does. */
  override removeListener(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.removeListener(event, listener as (...args: unknown[]) => void);
  }

  /**
   * Creates a node; `done` gets its path. A negative return value means that `done` is never called: so with all calls.
   */
  a_create(path: string, data: Buffer | string, flags: number, done: PathCallback): number {
    if (flags > Flag.container && flags < 7) return Code.badArguments;
    const isSequence = flags <= 3 && (flags & Flag.sequence) !== 0;
    const request = { op: "create", path: cut(path), data: bytes(data), flags } as const;
    return this.#ask(request, ({ code, path: made }) => done(code, textOf(code), made ?? "null"), isSequence);
  }

  /** Reads a node's data, with a watch on it if asked for. */
  a_get(path: string, watch: boolean, done: DataCallback): number {
    const request = { op: "get", path: cut(path), watch } as const;
    return this.#ask(request, ({ code, stat, data }) => done(code, textOf(code), stat ?? null, data ?? null));
  }

  /** Looks whether a node exists, with a watch on it if asked for. */
  a_exists(path: string, watch: boolean, done: StatCallback): number {
    const request = { op: "exists", path: cut(path), watch } as const;
    return this.#ask(request, ({ code, stat }) => done(code, textOf(code), stat ?? null));
  }

  /** Lists the names of a node's children, with a watch on them if asked for. */
  a_get_children(
    path: string,
    watch: boolean,
    done: (code: number, message: string, children: string[] | null) => void,
  ): number {
    const request = { op: "children", path: cut(path), watch } as const;
    return this.#ask(request, ({ code, children }) => done(code, textOf(code), children ?? null));
  }

  /** As `a_get_children`, with the node's own Stat. */
  a_get_children2(path: string, watch: boolean, done: ChildrenCallback): number {
    const request = { op: "children", path: cut(path), watch } as const;
    return this.#ask(request, ({ code, children, stat }) => done(code, textOf(code), children ?? null, stat ?? null));
  }

  /** Replaces a node's data; a `version` of -1 fits every version. */
  a_set(path: string, data: Buffer | string, version: number, done: StatCallback): number {
    const request = { op: "set", path: cut(path), data: bytes(data), version } as const;
    return this.#ask(request, ({ code, stat }) => done(code, textOf(code), stat ?? null));
  }

  /** Deletes a node without children; a `version` of -1 fits every version. */
  a_delete_(path: string, version: number, done: VoidCallback): number {
    return this.#ask({ op: "delete", path: cut(path), version }, ({ code }) => done(code, textOf(code)));
  }

  /** Waits until the server that the client is connected to has seen what the leader has. */
  a_sync(path: string, done: PathCallback): number {
    return this.#ask({ op: "sync", path: cut(path) }, ({ code, path: synced }) =>
      done(code, textOf(code), synced ?? "null"),
    );
  }

  /** Reads a node's ACL. */
  a_get_acl(path: string, done: AclCallback): number {
    return this.#ask({ op: "getAcl", path: cut(path) }, ({ code, acl, stat }) => {
      // The real binding frees a list that is not there, and the process dies of it.
      if (code !== Code.ok) this.home.hazard("failed-get-acl", this);
      done(code, textOf(code), acl ?? null, stat ?? null);
    });
  }

  /** Replaces a node's ACL; a `version` of -1 fits every version. */
  a_set_acl(path: string, version: number, acl: readonly Acl[], done: VoidCallback): number {
    const entries = acl.map(({ perms, scheme, auth }) => ({ perms, scheme, auth }));
    return this.#ask({ op: "setAcl", path: cut(path), version, acl: entries }, ({ code }) => done(code, textOf(code)));
  }

  /** Adds credentials to the connection. */
  add_auth(scheme: string, credentials: string, done: VoidCallback): number {
    return this.#live?.addCredentials(scheme, credentials, ({ code }) => done(code, textOf(code))) ?? Code.invalidState;
  }

  get #live(): ClientCore | null {
    return this.#core?.isClosed === false ? this.#core : null;
  }

  #ask(request: Request & { path: string }, finish: (result: Result) => void, isSequence = false): number {
    const core = this.#live;
    if (core === null) return Code.invalidState;
    if (!isSendablePath(request.path, isSequence)) return Code.badArguments;
    core.request(request, finish);
    return Code.ok;
  }
}

/** The binding hands a C string on, which ends at the first NUL. */
function cut(path: string): string {
  return path.split("\0", 1)[0] ?? "";
}

/** The binding turns anything but a Buffer into text, null and undefined as well. */
function bytes(data: unknown): Buffer {
  return Buffer.isBuffer(data) ? Buffer.from(data) : Buffer.from(String(data));
}
