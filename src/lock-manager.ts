import { EventEmitter } from "node:events";
import { type LockError, SessionLostError } from "./errors.js";
import { defaultIdentity, writeIdentity } from "./identity.js";
import { LocalQueue } from "./local-queue.js";
import { type LockHome, ZkLock } from "./lock.js";
import {
  checkConnectOptions,
  checkLockOptions,
  checkManagerOptions,
  type ConnectOptions,
  DEFAULT_CONNECT_TIMEOUT_MS,
  DEFAULT_ROOT_DIR,
  DEFAULT_SESSION_TIMEOUT_MS,
  type LockOptions,
  type ManagerOptions,
} from "./options.js";
import { checkResource, directoryOf } from "./resource-path.js";
import type { Session, SessionState } from "./session.js";
import { SEQUENCE_LIMIT } from "./ticket.js";
import { type Locator, parseServers } from "./zookeeper/addresses.js";
import type { Attachment } from "./zookeeper/attachment.js";
import type { ZooKeeperClient } from "./zookeeper/client.js";
import { ownedSource } from "./zookeeper/client-source.js";
import { Connection } from "./zookeeper/connection.js";
import { ZooKeeperQueue } from "./zookeeper/zookeeper-queue.js";

interface ManagerEvents {
  /** In touch with ZooKeeper, for the first time or again. */
  connected: [];
  /** Out of touch, with the lease still running: what is held still stands. */
  suspended: [];
  /** The lease is over or the session has ended: what was held is lost. */
  lost: [];
  /** A client that was handed to `init` met a dead socket, and goes on as a client of our own, in the same session. */
  replaced: [];
  /** A lost hold that nobody listens for, or a fault of our own that no call could be told of. */
  error: [error: LockError];
}

/** What is to be known of a manager's session, as of now. */
export interface SessionStatus {
  /** Hexadecimal; empty before the first session. */
  readonly id: string;
  readonly state: SessionState;
  /** As negotiated with the server. */
  readonly timeoutMs: number;
  /** What is left of the lease: the time in which we may still believe that what we hold is ours. */
  readonly leaseMs: number;
}

/** How long `close` waits, at the most, for tickets to be withdrawn. What is left then dies with the session. */
const LONGEST_FAREWELL_MS = 2_000;
/** Between two tries to do what the server refused. */
const PAUSE_MS = 50;

/** Hands out distributed locks, all on one ZooKeeper session at a time. */
export class ZkLockManager extends EventEmitter<ManagerEvents> {
  readonly #options: ManagerOptions;
  readonly #identity: Buffer;
  readonly #connection: Connection;
  readonly #queues = new Map<string, LocalQueue>();
  readonly #ports = new WeakMap<Attachment, ZooKeeperQueue>();
  readonly #background = new Set<Promise<unknown>>();
  #session: Session | null = null;
  #closing: Promise<void> | null = null;

  /** @throws InvalidArgumentError */
  constructor(options: ManagerOptions = {}) {
    super();
    checkManagerOptions(options);
    this.#options = options;
    this.#identity = writeIdentity(options.identity ?? defaultIdentity());
    this.#connection = new Connection({ probePath: options.rootDir ?? DEFAULT_ROOT_DIR, auth: options.auth });
    this.#connection.on("attached", ({ session }) => this.#follow(session));
    this.#connection.on("replaced", () => this.emit("replaced"));
    this.#connection.on("error", (error) => this.emit("error", error as LockError));
  }

  /**
   * Makes a manager that opens its own session, and a new one whenever one has ended. A Locator is asked for the addresses
   * each time.
   * @throws ConnectError when no server answers within `connectTimeout`, AccessDeniedError, InvalidArgumentError
   */
  static async connect(servers: string | Locator, options: ConnectOptions = {}): Promise<ZkLockManager> {
    checkConnectOptions(options);
    if (typeof servers === "string") parseServers(servers);
    const { sessionTimeout, connectTimeout, ...managerOptions } = options;
    const manager = new ZkLockManager(managerOptions);
    const source = ownedSource(servers, sessionTimeout ?? DEFAULT_SESSION_TIMEOUT_MS);
    const forPeople = typeof servers === "string" ? servers : "the addresses that the locator gives";
    await manager.#connection.open(source, connectTimeout ?? DEFAULT_CONNECT_TIMEOUT_MS, forPeople);
    return manager;
  }

  /**
   * Takes a `zookeeper` client in that stays its owner's: connected, connecting, or not started at all (then it is started
   * here). Once its session has ended, `init` takes the next one.
   * @throws InvalidArgumentError for a client that is closed, or while there is another one
   */
  init(client: ZooKeeperClient): this {
    this.#connection.adopt(client);
    return this;
  }

  /** A handle on an exclusive lock. @throws InvalidArgumentError */
  createLock(resource: string, options: LockOptions = {}): ZkLock {
    return new ZkLock(this.#home(resource, options));
  }

  get session(): SessionStatus {
    const session = this.#session;
    return {
      id: session?.id ?? "",
      state: session?.state ?? "lost",
      timeoutMs: session?.timeoutMs ?? 0,
      leaseMs: session?.leaseMs ?? 0,
    };
  }

  /**
   * Gives back what is held (its holders are told by LockLostError, reason `closed`), withdraws what waits (those calls are
   * rejected with SessionLostError), and ends the session unless the client came by `init`. Idempotent; never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const closed = new SessionLostError("The manager has been closed.");
    for (const queue of [...this.#queues.values()]) queue.close(closed);
    let cancel = (): void => undefined;
    const patience = new Promise<void>(
      (resolve) => (cancel = this.#connection.clock.after(LONGEST_FAREWELL_MS, resolve)),
    );
    await Promise.race([Promise.all(this.#background), patience]);
    cancel();
    await this.#connection.close();
  }

  #home(resource: string, options: LockOptions): LockHome {
    checkResource(resource);
    checkLockOptions(options);
    const directory = directoryOf(options.rootDir ?? this.#options.rootDir ?? DEFAULT_ROOT_DIR, resource);
    return {
      resource,
      directory,
      reentrancy: options.reentrancy ?? "process",
      failImmediate: options.failImmediate ?? false,
      acquireTimeoutMs: options.acquireTimeout ?? this.#options.acquireTimeout,
      queue: () => this.#queue(resource, directory),
      existingQueue: () => this.#queues.get(directory),
      unheard: (error) => error.reason !== "closed" && this.emit("error", error),
      assertOpen: () => {
        if (this.#closing !== null) throw new SessionLostError("The manager has been closed.", { resource });
      },
    };
  }

  #queue(resource: string, directory: string): LocalQueue {
    const existing = this.#queues.get(directory);
    if (existing !== undefined) return existing;
    const { clock } = this.#connection;
    const queue = new LocalQueue(
      {
        clock,
        port: async (signal) => this.#portOf(await this.#connection.attached(signal)),
        background: (work) => this.#track(work),
      },
      {
        resource,
        directory,
        data: this.#identity,
        sequenceLimit: this.#options.sequenceLimit ?? SEQUENCE_LIMIT,
        pause: () => new Promise((resolve) => clock.after(PAUSE_MS, resolve)),
        onStuck: (error) => this.emit("error", error as LockError),
      },
      () => this.#queues.delete(directory),
    );
    this.#queues.set(directory, queue);
    return queue;
  }

  #portOf(attachment: Attachment): ZooKeeperQueue {
    let port = this.#ports.get(attachment);
    if (port === undefined) {
      port = new ZooKeeperQueue(attachment, this.#connection.clock, this.#options.auth !== undefined);
      this.#ports.set(attachment, port);
    }
    return port;
  }

  #track(work: Promise<unknown>): void {
    this.#background.add(work);
    void work.finally(() => this.#background.delete(work));
  }

  /** Passes on what becomes of the session, as its owner sees it. */
  #follow(session: Session): void {
    this.#session = session;
    let state: SessionState = "connected";
    const look = (): void => {
      const now = session.state;
      if (now === state) return;
      state = now;
      if (this.#closing === null) this.emit(now);
    };
    session.on("connected", look).on("disconnected", look).on("lapsed", look).on("ended", look);
    this.emit("connected");
  }
}
