import { EventEmitter } from "node:events";
import { type Deadlock, findCycles } from "./inspection/deadlocks.js";
import { later } from "./common/later.js";
import { mutex, semaphore } from "./queue/discipline.js";
import { fewAtATime } from "./common/few-at-a-time.js";
import type { HeldResource } from "./hold/hold-views.js";
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
} from "./option-checks.js";
import {
  type ConnectOptions,
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
import type { SessionStatus } from "./engine/session.js";
import type { FencingToken } from "./engine/ticket.js";
import { type Locator, type ZooKeeperClient, ZooKeeperEngine } from "./zookeeper/zookeeper-engine.js";

/** How long `close` waits, at the most, for tickets to be withdrawn. What is left then dies with the session. */
const CLOSE_TIMEOUT_MS = 2_000;

/** Makes distributed locks, all on one ZooKeeper session at a time. */
export class ZkLockManager extends EventEmitter<ManagerEvents> {
  readonly #options: ManagerOptions;
  readonly #rootDir: string;
  readonly #engine: ZooKeeperEngine;
  readonly #queues: LocalQueues;
  /** For questions of who looks at queues from outside. */
  readonly #outside: PatientPorts;
  #closing: Promise<void> | null = null;

  /** @throws InvalidArgumentError */
  constructor(options: ManagerOptions = {}) {
    super();
    checkManagerOptions(options);
    this.#options = options;
    this.#rootDir = options.rootDir ?? DEFAULT_ROOT_DIR;
    this.#engine = new ZooKeeperEngine({
      rootDir: this.#rootDir,
      auth: options.auth,
      sequenceLimit: options.sequenceLimit,
    });
    this.#outside = new PatientPorts(this.#engine, DEFAULT_SESSION_TIMEOUT_MS);
    this.#queues = new LocalQueues({
      options,
      identity: writeIdentity({ ...defaultIdentity(), ...options.identity }),
      engine: this.#engine,
      outside: this.#outside,
      error: (error) => later(() => this.emit("error", error)),
    });
    this.#passOnEvents();
  }

  /**
   * Makes a manager that opens its own session, and a new one whenever one has ended. A Locator is asked for the addresses
   * each time.
   *
   * @example
   * await using manager = await ZkLockManager.connect("zk1:2181,zk2:2181,zk3:2181", { sessionTimeout: 10_000 });
   * const lock = manager.createLock("reports/daily");
   *
   * @throws ConnectError when no server answers within `connectTimeout`, AccessDeniedError, InvalidArgumentError
   */
  static async connect(servers: string | Locator, options: ConnectOptions = {}): Promise<ZkLockManager> {
    checkConnectOptions(options);
    const { sessionTimeout, connectTimeout, client, tls, ...managerOptions } = options;
    const manager = new ZkLockManager(managerOptions);
    await manager.#engine.connect(servers, { sessionTimeout, connectTimeout, client, tls });
    return manager;
  }

  /**
   * Takes a `zookeeper` client in that stays its owner's: connected, connecting, or not started at all (then it is started
   * here). Once its session has ended, `init` takes the next one. One client serves one manager at a time.
   * @throws InvalidArgumentError for a client that is closed or another manager's, or while there is another one
   */
  init(client: ZooKeeperClient): this {
    this.#engine.adopt(client);
    return this;
  }

  /** @internal As `init`, with clients from anywhere: the simulation's own their sessions without a network. */
  initFrom(...clients: Parameters<ZooKeeperEngine["adoptFrom"]>): this {
    this.#engine.adoptFrom(...clients);
    return this;
  }

  /** A handle on an exclusive lock. @throws InvalidArgumentError */
  createLock(resource: string, options: LockOptions = {}): ZkLock {
    checkResource(resource);
    checkLockOptions(options);
    return new ZkLock(this.#queues.home(resource, mutex, options));
  }

  /**
   * Handles on a lock that many may hold for reading, or one for writing.
   *
   * @example
   * const catalogue = manager.createReadWriteLock("catalogue");
   * const rows = await catalogue.read.using(() => store.readAll());
   * await catalogue.write.using(({ token }) => store.write(row, token));
   *
   * @throws InvalidArgumentError
   */
  createReadWriteLock(resource: string, options: LockOptions = {}): ZkReadWriteLock {
    checkResource(resource);
    checkLockOptions(options, "createReadWriteLock");
    return new ZkReadWriteLock(this.#queues, resource, options);
  }

  /**
   * A handle on one of `maxConcurrentHolders` permits. Each acquire takes a permit of its own (`reentrancy: "none"`), unless
   * the options say otherwise.
   *
   * @example
   * const workers = manager.createSemaphore("workers", { maxConcurrentHolders: 4 });
   * await workers.using(async (hold) => {
   *   console.log("port", 9000 + (await hold.slot()));
   * });
   *
   * @throws InvalidArgumentError
   */
  createSemaphore(resource: string, options: SemaphoreOptions): ZkSemaphore {
    checkResource(resource);
    checkSemaphoreOptions(options);
    const { maxConcurrentHolders, replaceLimit = false, ...lockOptions } = options;
    return new ZkSemaphore(this.#queues.home(resource, semaphore(maxConcurrentHolders, replaceLimit), lockOptions));
  }

  /**
   * A handle on several resources at once, all or nothing; duplicates count once.
   *
   * @example
   * const transfer = manager.createMultiLock(["account/7", "account/9"]);
   * await transfer.using(({ tokens }) => store.transfer(7, 9, tokens), { timeout: 5_000 });
   *
   * @throws InvalidArgumentError
   */
  createMultiLock(resources: readonly string[], options: LockOptions = {}): ZkMultiLock {
    checkResources(resources);
    checkLockOptions(options, "createMultiLock");
    // One order for everybody, whatever the locale: that of the UTF-16 code units.
    const locks = [...new Set(resources)].sort().map((resource) => this.createLock(resource, options));
    return new ZkMultiLock(locks, options.acquireTimeout ?? this.#options.acquireTimeout, this.#engine.clock);
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
    const levels = await this.#outside.ask(undefined, (port) => port.queues(this.#rootDir));
    return levels.map(resourceOf).filter((resource) => resource !== null);
  }

  /**
   * Follows a resource: who locks it and when it is unlocked, in any process. An abort of `signal` ends the watch.
   *
   * @example
   * for await (const { type, identity } of manager.watch("reports/daily")) {
   *   console.log(type, identity?.host); // locked … unlocked …
   * }
   *
   * @throws InvalidArgumentError
   */
  watch(resource: string, options: { signal?: AbortSignal | undefined } = {}): ResourceWatcher {
    checkResource(resource);
    return new ResourceWatcher(resource, directoryOf(this.#rootDir, resource), this.#engine, options.signal);
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
    return this.#queues.holds().map((hold) => hold.describe());
  }

  /** What is known of the session now; before the first one its `id` is empty and its state "lost". */
  get session(): SessionStatus {
    return this.#engine.status;
  }

  /**
   * For a shutdown: no acquire is served any more and those that wait are rejected with ManagerClosedError; resolves when all holds
   * have been given back, or after `timeout` milliseconds, with those that are left. Call `close` then.
   * @throws InvalidArgumentError
   */
  async drain(timeout: number): Promise<HeldResource[]> {
    checkTime("timeout", timeout);
    this.#queues.rejectWaiters("The manager is shutting down.");
    await this.#queues.whenIdle(timeout);
    return this.holds();
  }

  /**
   * Gives back what is held (its holders are told by LockLostError, reason `closed`), withdraws what waits (those calls are
   * rejected with ManagerClosedError), and ends the session unless the client came by `init`. Idempotent; never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= Promise.all([
      this.#queues.close("The manager has been closed.", CLOSE_TIMEOUT_MS),
      this.#engine.close(),
    ]).then(() => undefined);
    return this.#closing;
  }

  /** As `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Later: a listener may throw, or call us back, and neither may happen in the middle of what the engine does. */
  #passOnEvents(): void {
    for (const event of ["connected", "suspended", "lost"] as const) {
      this.#engine.on(event, () => {
        if (this.#closing === null) later(() => this.emit(event));
      });
    }
    this.#engine.on("replaced", () => later(() => this.emit("replaced")));
    this.#engine.on("error", (error) => later(() => this.emit("error", error)));
  }
}
