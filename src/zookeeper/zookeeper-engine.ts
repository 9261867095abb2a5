import { type Clock, systemClock } from "../common/clock.js";
import { Engine } from "../engine/engine.js";
import type { QueuePort } from "../engine/queue-port.js";
import type { LockError } from "../errors.js";
import { type Auth, DEFAULT_CONNECT_TIMEOUT_MS, DEFAULT_SESSION_TIMEOUT_MS, type TlsOptions } from "../options.js";
import type { PackageClient, ZooKeeperClient } from "./client/client.js";
import { ZooKeeperQueue } from "./nodes/zookeeper-queue.js";
import { type Locator, parseServers } from "./session/addresses.js";
import { adoptedSource, type ClientSource, ownedSource } from "./session/client-source.js";
import { Connector } from "./session/connector.js";
import { wireSource } from "./session/wire-source.js";
import type { Attachment } from "./session/session-carrier.js";

export type { ZooKeeperClient } from "./client/client.js";
export type { Address, Locator } from "./session/addresses.js";

interface ZooKeeperOptions {
  /** Requests that only ask for a sign of life are addressed to it; it need not exist. */
  readonly rootDir: string;
  /** The user of each session; directories get an ACL that lets nobody else in. */
  readonly auth?: Auth | undefined;
  /** The sequence number past which a directory is retired. Default: the server's own limit, with a margin. */
  readonly sequenceLimit?: number | undefined;
}

interface SessionOptions {
  /** The session timeout to ask for, in milliseconds. Default: 10,000. */
  readonly sessionTimeout?: number | undefined;
  /** Milliseconds until `connect` gives up. Default: 10,000. */
  readonly connectTimeout?: number | undefined;
  /** Default: "zookeeper"; with `tls`: "wire". */
  readonly client?: "wire" | "zookeeper" | undefined;
  readonly tls?: true | TlsOptions | undefined;
}

/** ZooKeeper as an engine: its sessions are those of clients of its own (`connect`), or of somebody else's (`adopt`). */
export class ZooKeeperEngine extends Engine {
  readonly #connector: Connector;
  readonly #ports = new WeakMap<Attachment, ZooKeeperQueue>();

  constructor(private readonly options: ZooKeeperOptions) {
    super();
    this.#connector = new Connector({ probePath: options.rootDir, auth: options.auth });
    this.#connector.on("attached", ({ session }) => this.follow(session));
    this.#connector.on("replaced", () => this.emit("replaced"));
    this.#connector.on("error", (error) => this.emit("error", error));
  }

  get clock(): Clock {
    return this.#connector.clock;
  }

  /**
   * Opens a session of our own, and a new one whenever one has ended.
   * @throws ConnectError when no server answers within `connectTimeout`, AccessDeniedError, InvalidArgumentError; the
   *   engine is of no use any more then
   */
  async connect(servers: string | Locator, options: SessionOptions): Promise<void> {
    if (typeof servers !== "function") parseServers(servers);
    const { sessionTimeout: timeoutMs = DEFAULT_SESSION_TIMEOUT_MS, tls } = options;
    const { client = tls === undefined ? "zookeeper" : "wire" } = options;
    const report = (error: LockError): void => this.#connector.report(error);
    const source =
      client === "wire"
        ? wireSource(servers, timeoutMs, tls === true ? {} : tls, report)
        : ownedSource(servers, timeoutMs, report);
    const forPeople = typeof servers === "string" ? servers : "the addresses that the locator gives";
    await this.#connector.open(source, options.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT_MS, forPeople);
  }

  /**
   * Takes the session of a client that stays its owner's; the client is started here if nobody has.
   * @throws InvalidArgumentError for a client that is closed or in use elsewhere, or while there is another one
   */
  adopt(client: ZooKeeperClient): void {
    // Only the names are part of the public type: see ZooKeeperClient.
    const given = client as PackageClient;
    this.adoptFrom(() => adoptedSource(given), given.clock);
  }

  /** As `adopt`, with clients from anywhere. */
  adoptFrom(makeSource: () => ClientSource, clock: Clock = systemClock): void {
    this.#connector.adopt(makeSource, clock);
  }

  async port(signal: AbortSignal): Promise<QueuePort> {
    const attachment = await this.#connector.attached(signal);
    const existing = this.#ports.get(attachment);
    if (existing !== undefined) return existing;
    const longReplies = this.#connector.longReplies(attachment);
    const { auth, sequenceLimit } = this.options;
    const port = new ZooKeeperQueue(attachment, auth !== undefined, longReplies, sequenceLimit);
    this.#ports.set(attachment, port);
    return port;
  }

  close(): Promise<void> {
    return this.#connector.close();
  }
}
