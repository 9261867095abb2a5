import { EventEmitter } from "node:events";
import type { Outcome } from "./caller.js";
import { type LockLostError, NotHeldError, retold } from "./errors.js";
import { publishAcquire } from "./diagnostics.js";
import type { Discipline } from "./discipline.js";
import type { Hold, ResourceHold } from "./hold.js";
import { later } from "./later.js";
import type { LocalQueue } from "./local-queue.js";
import { type AcquireOptions, checkAcquireOptions, type Reentrancy } from "./options.js";
import type { FencingToken } from "./ticket.js";
import type { QueuePort } from "./zookeeper/port.js";
import { acquireTimedOut, alreadyLocked } from "./refusals.js";
import { requestRelease } from "./release-request.js";
import { insideOf, isInsideOf, PROCESS, scopeOf } from "./scope.js";
import { TakenHolds } from "./taken-holds.js";

interface LockEvents {
  /**
   * Others are before a call of this handle: tasks of this process, and tickets of others as far as we have seen. Once when the call
   * queues up, and again when the number has changed; of many changes in a short time only the last one is told (every 50 ms at the
   * most, and more seldom where more than a thousand tasks of this process wait).
   */
  queued: [place: { ahead: number }];
  acquired: [token: FencingToken];
  released: [token: FencingToken];
  /** Out of touch with ZooKeeper; the hold still stands, as long as its lease does. */
  suspended: [];
  resumed: [];
  lost: [error: LockLostError];
  /** Somebody else asks for the resource (see `requestRelease`). */
  "release-requested": [];
}

/** What a lock needs of its manager. */
export interface LockHome {
  readonly resource: string;
  readonly directory: string;
  readonly discipline: Discipline;
  readonly reentrancy: Reentrancy;
  readonly failImmediate: boolean;
  readonly acquireTimeoutMs: number | undefined;
  /** The process's own queue for the resource, made on demand. */
  queue(): LocalQueue;
  /** The same, if there is any: nobody holds or waits where there is none. */
  existingQueue(): LocalQueue | undefined;
  port(signal: AbortSignal): Promise<QueuePort>;
  /** A hold was lost, and nobody listens. */
  unheard(error: LockLostError): void;
  /** Throws what a lock of a closed manager says. */
  assertOpen(): void;
}

/**
 * A handle on one resource. Handles of the same resource on one manager share the hold under `reentrancy: "process"` (the
 * default); each can give back only what it took.
 */
export class ZkLock extends EventEmitter<LockEvents> {
  readonly resource: string;
  /** True for readers and semaphore permits, whose tokens are no fence. */
  readonly shared: boolean;
  readonly #home: LockHome;
  readonly #taken = new TakenHolds<ResourceHold>();
  readonly #unhook = new Map<ResourceHold, () => void>();
  /** Where tasks are told apart: holds that belong to a body of `using`. */
  readonly #ofBodies = new WeakSet<ResourceHold>();

  /** @internal Locks are made by their manager. */
  constructor(home: LockHome) {
    super();
    this.resource = home.resource;
    this.shared = home.discipline.shared;
    this.#home = home;
  }

  /**
   * Waits for the lock and returns its fencing token; enters the hold where there is one to enter (see `reentrancy`).
   * @throws AcquireTimeoutError, AlreadyLockedError (`failImmediate`), SessionLostError, AccessDeniedError, LockLostError when
   *   our place in the queue was deleted, InvalidArgumentError, or the signal's reason
   */
  async acquire(options: AcquireOptions = {}): Promise<FencingToken> {
    return (await this.#take(options)).token;
  }

  /** Takes the lock if it is free now (or ours already); null: somebody else has it. Throws as `acquire` does otherwise. */
  async tryAcquire(): Promise<FencingToken | null> {
    const outcome = await this.#enter({ timeout: 0 });
    return outcome.kind === "too-late" ? null : this.#accept(outcome, {}).token;
  }

  /**
   * Gives back one acquire of this handle; the last one gives the lock back, and resolves when the ticket is gone, or when
   * deleting it has been left to the background because the connection is down. False: there was nothing to release.
   * @throws LockLostError once, if the hold was lost meanwhile; NotHeldError for a hold of another task's `using`
   */
  async release(): Promise<boolean> {
    if (this.#taken.isEmpty) return false;
    const hold = this.#taken.latest((taken) => !this.#ofBodies.has(taken) || isInsideOf(taken));
    if (hold !== undefined) return this.#giveBack(hold);
    throw new NotHeldError(`"${this.resource}" is held by another task, whose \`using\` gives it back itself.`, this);
  }

  /**
   * Runs `body` while holding, and releases on every way out. An error of the body wins over one of the release.
   * @throws LockLostError if the hold was lost while the body ran, even if the body ended well; its cause is the body's error
   */
  async using<T>(body: (hold: Hold) => Promise<T> | T, options: AcquireOptions = {}): Promise<T> {
    const hold = await this.#take(options, this.#home.reentrancy !== "process");
    hold.observe();
    let result: T;
    try {
      result = await insideOf(hold, async () => body(hold));
    } catch (error) {
      await this.#giveBack(hold).catch(() => undefined);
      throw hold.loss === null ? error : hold.lossError(error);
    }
    if (!hold.isHeld && hold.loss !== null) {
      this.#drop(hold);
      throw hold.lossError();
    }
    await this.#giveBack(hold);
    return result;
  }

  /**
   * Asks the quorum that the hold stands, which also freshens the lease.
   * @throws NotHeldError without a hold, LockLostError when it turns out to be over
   */
  async renew(): Promise<FencingToken> {
    return this.standing().renew();
  }

  /** The fencing token; null when not held, by the lease clock. */
  get token(): FencingToken | null {
    return this.#current()?.token ?? null;
  }

  /** Whether the hold stands, by the lease clock: right at once after a pause of the process, whatever its length. */
  get isHeld(): boolean {
    return this.#current() !== null;
  }

  /** How often the hold has been entered and not given back. */
  get holdCount(): number {
    return this.#current()?.count ?? 0;
  }

  /** Of the current hold, or of the one that was lost last: aborts with LockLostError. Without a hold it is aborted already. */
  get signal(): AbortSignal {
    const hold = this.#current() ?? this.#taken.latest();
    return hold?.signal ?? AbortSignal.abort(new NotHeldError(`"${this.resource}" is not held.`, this));
  }

  /**
   * Asks whoever holds the resource, in any process, to give it back when convenient: their handles hear `release-requested`.
   * Resolves with the number of holders that were asked; 0: nobody holds it.
   */
  async requestRelease(): Promise<number> {
    this.#home.assertOpen();
    const port = await this.#home.port(new AbortController().signal);
    return requestRelease(port, this.#home.directory, this.#home.discipline);
  }

  /** @internal A loss that a composite of this lock has nobody to tell of. */
  reportUnheard(error: LockLostError): void {
    this.#home.unheard(error);
  }

  /** @internal The hold that `token` speaks of. @throws LockLostError when the last one was lost, NotHeldError */
  protected standing(): ResourceHold {
    const hold = this.#current();
    if (hold !== null) return hold;
    const lost = this.#taken.latest(({ loss }) => loss !== null);
    throw lost?.lossError() ?? new NotHeldError(`"${this.resource}" is not held.`, { resource: this.resource });
  }

  async #take(options: AcquireOptions, forBody = false): Promise<ResourceHold> {
    checkAcquireOptions(options);
    return this.#accept(await this.#enter(options, forBody), options);
  }

  async #enter(options: AcquireOptions, forBody = false): Promise<Outcome> {
    const { failImmediate, acquireTimeoutMs } = this.#home;
    const scope = scopeOf(this.#home);
    // While the manager drains, those who hold may still enter again.
    if (!this.#home.existingQueue()?.holdOf(scope)) this.#home.assertOpen();
    options.signal?.throwIfAborted();
    const caller = this.#home.queue().enter(scope, {
      timeoutMs: failImmediate ? 0 : (options.timeout ?? acquireTimeoutMs),
      signal: options.signal,
      onQueued: (ahead) => later(() => this.emit("queued", { ahead })),
    });
    const outcome = await caller.outcome;
    publishAcquire(this.#home, outcome, caller.elapsedMs);
    if (outcome.kind === "granted") {
      // Before anybody hears of it: a listener may try to give it back.
      if (forBody && !isInsideOf(outcome.hold)) this.#ofBodies.add(outcome.hold);
      this.#keep(outcome.hold);
    }
    return outcome;
  }

  /** Makes the errors where the caller's stack is visible. */
  #accept(outcome: Outcome, { timeout }: AcquireOptions): ResourceHold {
    const { resource } = this;
    switch (outcome.kind) {
      case "granted":
        if (outcome.hold.isHeld) return outcome.hold;
        this.#drop(outcome.hold);
        throw outcome.hold.lossError();
      case "aborted":
        throw outcome.reason;
      case "failed":
        throw retold(outcome.error, resource);
      case "too-late":
        throw this.#home.failImmediate
          ? alreadyLocked(resource, outcome.standing)
          : acquireTimedOut(resource, outcome.standing, timeout ?? this.#home.acquireTimeoutMs ?? 0);
      default:
        return outcome satisfies never;
    }
  }

  #keep(hold: ResourceHold): void {
    // What was lost before is settled by the new hold: nobody has to give it back any more.
    for (const old of this.#taken.lost()) this.#drop(old);
    if (!this.#taken.add(hold)) return;
    this.#listenTo(hold);
    later(() => this.emit("acquired", hold.token));
  }

  async #giveBack(hold: ResourceHold): Promise<boolean> {
    if (!this.#taken.has(hold)) return false;
    if (!hold.isHeld) {
      this.#drop(hold);
      throw hold.lossError();
    }
    this.#taken.takeOut(hold);
    const isLast = !this.#taken.has(hold);
    if (isLast) this.#drop(hold);
    await hold.exit();
    if (isLast) later(() => this.emit("released", hold.token));
    return true;
  }

  #drop(hold: ResourceHold): void {
    this.#taken.drop(hold);
    this.#unhook.get(hold)?.();
    this.#unhook.delete(hold);
  }

  #listenTo(hold: ResourceHold): void {
    const suspended = (): void => later(() => this.emit("suspended"));
    const resumed = (): void => later(() => this.emit("resumed"));
    const lost = (error: LockLostError): void => {
      if (this.listenerCount("lost") > 0) later(() => this.emit("lost", error));
      else if (!hold.isObserved) this.#home.unheard(error);
    };
    const requested = (): void => later(() => this.emit("release-requested"));
    hold.on("suspended", suspended).on("resumed", resumed).on("lost", lost).on("release-requested", requested);
    this.#unhook.set(hold, () => {
      hold.removeListener("suspended", suspended).removeListener("resumed", resumed).removeListener("lost", lost);
      hold.removeListener("release-requested", requested);
    });
  }

  /** The hold that this handle speaks of: the process's shared one, or what the handle itself took last. */
  #current(): ResourceHold | null {
    if (this.#home.reentrancy === "process") return this.#home.existingQueue()?.holdOf(PROCESS) ?? null;
    return this.#taken.latest((hold) => hold.isHeld) ?? null;
  }
}
