import { EventEmitter } from "node:events";
import { type Clock, systemClock } from "./common/clock.js";
import { type Deadlock, findCycles } from "./inspection/deadlocks.js";
import { later } from "./common/later.js";
import { mutex, semaphore } from "./queue/discipline.js";
import type { LockError } from "./errors.js";
import { fewAtATime } from "./common/few-at-a-time.js";
import { describeHold, type HeldResource } from "./hold/held-resource.js";
import { defaultIdentity, writeIdentity } from "./queue/ticket-note.js";
import { forceRelease, inspectResource, type ResourceStatus } from "./inspection/inspection.js";
import { LocalQueues } from "./local/local-queues.js";
import { ZkLock } from "./locks/lock.js";
import type { ManagerEvents } from "./locks/manager-events.js";
import { ZkMultiLock } from "./locks/multi-lock.js";
import {
  checkConnectOptions,
  checkLockOptions,
  checkManagerOptions,
  checkResources,
  checkSemaphoreOptions,
  checkTime,
  checkToken,
  type ConnectOptions,
  DEFAULT_CONNECT_TIMEOUT_MS,
  DEFAULT_ROOT_DIR,
  DEFAULT_SESSION_TIMEOUT_MS,
  type LockOptions,
  type ManagerOptions,
  type SemaphoreOptions,
} from "./options.js";
import { PatientPorts } from "./inspection/patient-port.js";
import { ZkReadWriteLock } from "./locks/read-write-lock.js";
import { checkResource, directoryOf, resourceOf } from "./common/resource-path.js";
import { ResourceWatcher } from "./inspection/resource-watcher.js";
import { ZkSemaphore } from "./locks/semaphore.js";
import type { Session, SessionState, SessionStatus } from "./engine/session.js";
import type { FencingToken } from "./engine/ticket.js";
import { type Locator, parseServers } from "./zookeeper/session/addresses.js";
import type { Attachment } from "./zookeeper/session/session-carrier.js";
import type { AdoptableClient, ZooKeeperClient } from "./zookeeper/client/client.js";
import { adoptedSource, type ClientSource, ownedSource } from "./zookeeper/session/client-source.js";
import { wireSource } from "./zookeeper/session/wire-source.js";
import { Connection } from "./zookeeper/session/connector.js";
import type { QueuePort } from "./engine/queue-port.js";
import { ZooKeeperQueue } from "./zookeeper/nodes/zookeeper-queue.js";

/** How long `close` waits, at the most, for tickets to be withdrawn. What is left then dies with the session. */
const LONGEST_FAREWELL_MS = 2_000;

/** Hands out distributed locks, all on one ZooKeeper session at a time. */
export class ZkLockManager extends EventEmitter<ManagerEvents> {
  readonly #options: ManagerOptions;
  readonly #connection: Connection;
  readonly #queues: LocalQueues;
  readonly #ports = new WeakMap<Attachment, ZooKeeperQueue>();
  /** For questions of who looks at queues from outside. */
  readonly #outside = new PatientPorts(
    (signal) => this.#port(signal),
    () => this.#connection.clock,
    () => this.#session?.timeoutMs ?? DEFAULT_SESSION_TIMEOUT_MS,
  );
  #session: Session | null = null;
  #closing: Promise<void> | null = null;

  /** @throws InvalidArgumentError */
  constructor(options: ManagerOptions = {}) {
    super();
    checkManagerOptions(options);
    this.#options = options;
    this.#connection = new Connection({ probePath: this.#rootDir, auth: options.auth });
    this.#connection.on("attached", ({ session }) => this.#follow(session));
    this.#connection.on("replaced", () => later(() => this.emit("replaced")));
    this.#connection.on("error", (error) => later(() => this.emit("error", error as LockError)));
    this.#queues = new LocalQueues({
      options,
      identity: writeIdentity({ ...defaultIdentity(), ...options.identity }),
      clock: () => this.#connection.clock,
      port: (signal) => this.#port(signal),
      lookPort: () => this.#outside.get(),
      error: (error) => later(() => this.emit("error", error)),
    });
  }

  /**
   * Makes a manager that opens its own session, and a new one whenever one has ended. A Locator is asked for the addresses
   * each time.
   * @throws ConnectError when no server answers within `connectTimeout`, AccessDeniedError, InvalidArgumentError
   */
  static async connect(servers: string | Locator, options: ConnectOptions = {}): Promise<ZkLockManager> {
    checkConnectOptions(options);
    if (typeof servers !== "function") parseServers(servers);
    const { sessionTimeout, connectTimeout, client, tls, ...managerOptions } = options;
    const manager = new ZkLockManager(managerOptions);
    const timeoutMs = sessionTimeout ?? DEFAULT_SESSION_TIMEOUT_MS;
    const report = (error: LockError): void => manager.#connection.report(error);
    const source =
      (client ?? (tls === undefined ? "zookeeper" : "wire")) === "wire"
        ? wireSource(servers, timeoutMs, tls === true ? {} : tls, report)
        : ownedSource(servers, timeoutMs, report);
    const forPeople = typeof servers === "string" ? servers : "the addresses that the locator gives";
    await manager.#connection.open(source, connectTimeout ?? DEFAULT_CONNECT_TIMEOUT_MS, forPeople);
    return manager;
  }

  /**
   * Takes a `zookeeper` client in that stays its owner's: connected, connecting, or not started at all (then it is started
   * here). Once its session has ended, `init` takes the next one. One client serves one manager at a time.
   * @throws InvalidArgumentError for a client that is closed or another manager's, or while there is another one
   */
  init(client: AdoptableClient): this {
    const { clock } = client as ZooKeeperClient;
    return this.initFrom(() => adoptedSource(client as ZooKeeperClient), clock);
  }

  /** @internal As `init`, with clients from anywhere: the simulation's own their sessions without a network. */
  initFrom(source: () => ClientSource, clock: Clock = systemClock): this {
    this.#connection.adopt(source, clock);
    return this;
  }

  /** A handle on an exclusive lock. @throws InvalidArgumentError */
  createLock(resource: string, options: LockOptions = {}): ZkLock {
    checkResource(resource);
    checkLockOptions(options);
    return new ZkLock(this.#queues.home(resource, mutex, options));
  }

  /** Handles on a lock that many may hold for reading, or one for writing. @throws InvalidArgumentError */
  createReadWriteLock(resource: string, options: LockOptions = {}): ZkReadWriteLock {
    checkResource(resource);
    checkLockOptions(options, "createReadWriteLock");
    return new ZkReadWriteLock(this.#queues, resource, options);
  }

  /**
   * A handle on one of `maxConcurrentHolders` permits. Each acquire takes a permit of its own (`reentrancy: "none"`), unless
   * the options say otherwise.
   * @throws InvalidArgumentError
   */
  createSemaphore(resource: string, options: SemaphoreOptions): ZkSemaphore {
    checkResource(resource);
    checkSemaphoreOptions(options);
    const { maxConcurrentHolders, replaceLimit = false, ...lockOptions } = options;
    return new ZkSemaphore(this.#queues.home(resource, semaphore(maxConcurrentHolders, replaceLimit), lockOptions));
  }

  /** A handle on several resources at once, all or nothing; duplicates count once. @throws InvalidArgumentError */
  createMultiLock(resources: readonly string[], options: LockOptions = {}): ZkMultiLock {
    checkResources(resources);
    checkLockOptions(options, "createMultiLock");
    // One order for everybody, whatever the locale: that of the UTF-16 code units.
    const locks = [...new Set(resources)].sort().map((resource) => this.createLock(resource, options));
    return new ZkMultiLock(locks, options.acquireTimeout ?? this.#options.acquireTimeout, this.#connection.clock);
  }

  /**
   * Who holds a resource and who waits for it, of any process.
   * @throws SessionLostError when the session has ended, or nobody has answered within the session timeout; AccessDeniedError,
   *   InvalidArgumentError
   */
  async inspect(resource: string): Promise<ResourceStatus> {
    checkResource(resource);
    return this.#outside.ask(resource, (port) => inspectResource(port, resource, directoryOf(this.#rootDir, resource)));
  }

  /** The resources that have a directory, in no order: those in use, and those used lately. Throws as `inspect`. */
  async list(): Promise<string[]> {
    const levels = await this.#outside.ask(undefined, (port) => port.listDirectories(this.#rootDir));
    return levels.map(resourceOf).filter((resource) => resource !== null);
  }

  /** Follows a resource: who locks it and when it is unlocked, in any process. @throws InvalidArgumentError */
  watch(resource: string, options: { signal?: AbortSignal | undefined } = {}): ResourceWatcher {
    checkResource(resource);
    const host = { port: (signal: AbortSignal) => this.#port(signal), clock: () => this.#connection.clock };
    return new ResourceWatcher(resource, directoryOf(this.#rootDir, resource), host, options.signal);
  }

  /**
   * Ends that very hold, of any process, and no other: for an administrator. Its holder learns it by LockLostError, reason
   * `ticket-gone`. True: it stood when we looked, and is gone. False: there is no such hold (any more). Throws as `inspect`.
   */
  async forceRelease(resource: string, token: FencingToken): Promise<boolean> {
    checkResource(resource);
    checkToken(token);
    const directory = directoryOf(this.#rootDir, resource);
    const released = await this.#outside.ask(resource, (port) => forceRelease(port, directory, token));
    if (released) this.emit("force-released", { resource, token });
    return released;
  }

  /** Processes that wait for each other in a circle, over all resources of the root. Throws as `inspect`. */
  async findDeadlocks(): Promise<Deadlock[]> {
    return findCycles(await fewAtATime(await this.list(), (resource) => this.inspect(resource)));
  }

  /** What this process holds now, by the lease clock. */
  holds(): HeldResource[] {
    return this.#queues.holds().map(describeHold);
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
   * For a shutdown: no acquire is served any more and those that wait are rejected with ManagerClosedError; resolves when all holds
   * have been given back, or after `timeout` milliseconds, with those that are left. Call `close` then.
   * @throws InvalidArgumentError
   */
  async drain(timeout: number): Promise<HeldResource[]> {
    checkTime("timeout", timeout);
    this.#queues.turnAway("The manager is shutting down.");
    await this.#queues.whenIdle(timeout);
    return this.holds();
  }

  /**
   * Gives back what is held (its holders are told by LockLostError, reason `closed`), withdraws what waits (those calls are
   * rejected with ManagerClosedError), and ends the session unless the client came by `init`. Idempotent; never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= Promise.all([
      this.#queues.close("The manager has been closed.", LONGEST_FAREWELL_MS),
      this.#connection.close(),
    ]).then(() => undefined);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #rootDir(): string {
    return this.#options.rootDir ?? DEFAULT_ROOT_DIR;
  }

  async #port(signal: AbortSignal): Promise<QueuePort> {
    const attachment = await this.#connection.attached(signal);
    let port = this.#ports.get(attachment);
    if (port === undefined) {
      const longReplies = this.#connection.longReplies(attachment);
      port = new ZooKeeperQueue(attachment, this.#options.auth !== undefined, longReplies);
      this.#ports.set(attachment, port);
    }
    return port;
  }

  /** Passes on what becomes of the session, as its owner sees it. */
  #follow(session: Session): void {
    this.#session = session;
    let state: SessionState = "connected";
    const look = (): void => {
      const now = session.state;
      if (now === state) return;
      state = now;
      if (this.#closing === null) later(() => this.emit(now));
    };
    session.on("connected", look).on("disconnected", look).on("lapsed", look).on("ended", look);
    later(() => this.emit("connected"));
  }
}
