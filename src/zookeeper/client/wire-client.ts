import { EventEmitter } from "node:events";
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { type Clock, systemClock } from "../../common/clock.js";
import type {
  Acl,
  AclCallback,
  ChildrenCallback,
  ClientConfig,
  DataCallback,
  PathCallback,
  Stat,
  StatCallback,
  VoidCallback,
  ZooKeeperClient,
} from "./client.js";
import { ClientState, Code } from "./codes.js";
import { CreateFlags, type Operation, operations } from "../wire/operations.js";
import type { WireAcl, WireStat } from "../wire/records.js";
import { type Established, type SessionKey, SessionOverError, writeSessionId } from "../wire/session-key.js";
import { type Done, WireConnection } from "../wire/wire-connection.js";

/** A server, by a number or a name; `name` is what its certificate has to say. */
export interface WireServer {
  readonly host: string;
  readonly port: number;
  readonly name?: string;
}

export interface WireClientOptions {
  /** Tried in a random order, one after the other, again and again. */
  readonly servers: readonly WireServer[];
  /** In front of every path; "" for none. */
  readonly chroot: string;
  readonly sessionTimeoutMs: number;
  readonly tls?: ConnectionOptions | undefined;
  readonly resume?: SessionKey | undefined;
  /** Tells the servers that are tried after all others: there is reason to doubt them. */
  readonly isDoubtful?: ((server: WireServer) => boolean) | undefined;
}

const OPEN: readonly WireAcl[] = [{ permissions: 31, scheme: "world", id: "anyone" }];
/** One server may take so long, so that a dead one does not cost the whole window of an attempt. */
const SERVER_WINDOW_MS = 2_000;
/** After each round through all servers. */
const PAUSE_MS = 50;
/** How long the end of a session is waited for; then it lives on to its timeout. */
const FAREWELL_MS = 1_000;

/**
 * Our own client, in the shape of the package's: one session, on the first server that answers, until that connection is lost. It does
 * not come back by itself then: another one with `resume` goes on with the session.
 */
export class WireClient extends EventEmitter implements ZooKeeperClient {
  readonly config: ClientConfig;
  readonly clock: Clock = systemClock;
  /** Why the latest attempt at each server came to nothing, or the connection was lost. */
  readonly failures = new Map<WireServer, Error>();
  #connection: WireConnection | null = null;
  #session: Established | null = null;
  #isClosed = false;
  #cancelPause: () => void = () => undefined;

  constructor(private readonly options: WireClientOptions) {
    super();
    const hosts = options.servers.map(({ host, name = host, port }) => `${name}:${port}`);
    this.config = { connect: hosts.join(",") + options.chroot, timeout: options.sessionTimeoutMs };
  }

  get state(): number {
    if (this.#isClosed) return ClientState.notStarted;
    return this.#connection?.isEstablished === true ? ClientState.connected : ClientState.connecting;
  }

  get client_id(): string {
    return this.#session === null ? "0" : writeSessionId(this.#session.id);
  }

  get client_password(): string {
    return this.#session?.password.toString("hex").toUpperCase() ?? "";
  }

  get timeout(): number {
    return this.#session?.timeoutMs ?? this.options.sessionTimeoutMs;
  }

  /** Begins to connect. */
  init(): void {
    const { servers, isDoubtful = () => false } = this.options;
    const round = shuffled(servers);
    this.#tryNext([...round.filter((server) => !isDoubtful(server)), ...round.filter(isDoubtful)]);
  }

  /** Ends the session, if it is connected; resolves when that is done. Else it only lets go: the session lives on. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelPause();
    await this.#connection?.close(FAREWELL_MS);
  }

  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.on(event, listener as (...args: unknown[]) => void);
  }

  override removeListener(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.removeListener(event, listener as (...args: unknown[]) => void);
  }

  a_create(path: string, data: Buffer, flags: number, done: PathCallback): number {
    const operation = flags === CreateFlags.container ? operations.createContainer : operations.create2;
    return this.#request(operation, { path: this.#inside(path), data, acl: OPEN, flags }, (code, made) =>
      done(code, "", made === null ? "" : this.#outside(made.path)),
    );
  }

  a_exists(path: string, watch: boolean, done: StatCallback): number {
    return this.#request(operations.exists, { path: this.#inside(path), watch }, (code, found) =>
      done(code, "", found && statOf(found.stat)),
    );
  }

  a_get(path: string, watch: boolean, done: DataCallback): number {
    return this.#request(operations.getData, { path: this.#inside(path), watch }, (code, got) =>
      done(code, "", got && statOf(got.stat), got && (got.data ?? Buffer.alloc(0))),
    );
  }

  a_get_children2(path: string, watch: boolean, done: ChildrenCallback): number {
    return this.#request(operations.getChildren2, { path: this.#inside(path), watch }, (code, listed) =>
      done(code, "", listed && [...listed.children], listed && statOf(listed.stat)),
    );
  }

  a_set(path: string, data: Buffer, version: number, done: StatCallback): number {
    return this.#request(operations.setData, { path: this.#inside(path), data, version }, (code, set) =>
      done(code, "", set && statOf(set.stat)),
    );
  }

  a_delete_(path: string, version: number, done: VoidCallback): number {
    return this.#request(operations.delete, { path: this.#inside(path), version }, (code) => done(code, ""));
  }

  a_sync(path: string, done: PathCallback): number {
    return this.#request(operations.sync, { path: this.#inside(path) }, (code) => done(code, "", path));
  }

  a_get_acl(path: string, done: AclCallback): number {
    return this.#request(operations.getAcl, { path: this.#inside(path) }, (code, got) =>
      done(
        code,
        "",
        got && got.acl.map(({ permissions, scheme, id }) => ({ perms: permissions, scheme, auth: id })),
        got && statOf(got.stat),
      ),
    );
  }

  a_set_acl(path: string, version: number, acl: readonly Acl[], done: VoidCallback): number {
    const entries = acl.map(({ perms, scheme, auth }) => ({ permissions: perms, scheme, id: auth }));
    return this.#request(operations.setAcl, { path: this.#inside(path), acl: entries, version }, (code) =>
      done(code, ""),
    );
  }

  add_auth(scheme: string, credentials: string, done: VoidCallback): number {
    if (this.#connection === null) return Code.connectionLoss;
    this.#connection.authenticate(scheme, Buffer.from(credentials), (code) => done(code, ""));
    return Code.ok;
  }

  #request<Request, Reply>(operation: Operation<Request, Reply>, request: Request, done: Done<Reply>): number {
    if (this.#connection === null) return Code.connectionLoss;
    this.#connection.request(operation, request, done);
    return Code.ok;
  }

  #tryNext(round: readonly WireServer[]): void {
    const [server, ...rest] = round;
    if (this.#isClosed) return;
    if (server === undefined) {
      this.#cancelPause = this.clock.after(PAUSE_MS, () => this.init());
      return;
    }
    const { sessionTimeoutMs, tls, resume } = this.options;
    const connection = new WireConnection({
      ...server,
      sessionTimeoutMs,
      connectTimeoutMs: SERVER_WINDOW_MS,
      tls: tls && { ...servernameOf(server), ...tls },
      resume,
      clock: this.clock,
    });
    this.#connection = connection;
    connection.once("established", (session) => {
      this.#session = session;
      this.emit("connect", this);
    });
    connection.on("nodeEvent", (kind, path) => this.emit(kind, this, this.#outside(path)));
    connection.once("closed", (reason) => {
      this.failures.set(server, reason);
      this.#onClosed(reason, rest);
    });
  }

  #onClosed(reason: Error, rest: readonly WireServer[]): void {
    if (this.#isClosed) return;
    if (reason instanceof SessionOverError) {
      this.#isClosed = true;
      this.emit("close", this, Code.sessionExpired);
    } else if (this.#session === null) {
      this.#tryNext(rest);
    } else {
      this.emit("connecting", this);
    }
  }

  #inside(path: string): string {
    return path === "/" && this.options.chroot !== "" ? this.options.chroot : this.options.chroot + path;
  }

  #outside(path: string): string {
    const below = path.slice(this.options.chroot.length);
    return below === "" ? "/" : below;
  }
}

/** A number has no place in the greeting of TLS; Node checks it against the certificate all the same. */
function servernameOf({ host, name = host }: WireServer): { servername?: string } {
  return isIP(name) === 0 ? { servername: name } : {};
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function statOf({ ctime, mtime, ephemeralOwner, ...rest }: WireStat): Stat {
  return { ...rest, ctime: new Date(ctime), mtime: new Date(mtime), ephemeralOwner: writeSessionId(ephemeralOwner) };
}
