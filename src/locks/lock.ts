import { EventEmitter } from "node:events";
import { enclosingOf, enter, type Entered, errorOf } from "./acquisition.js";
import { NotHeldError, retold } from "../errors.js";
import type { ResourceHold } from "../hold/hold.js";
import type { Hold } from "../hold/hold-views.js";
import { later } from "../common/later.js";
import type { LockEvents } from "./lock-events.js";
import { LockHold } from "./lock-hold.js";
import { LockTakings } from "./lock-takings.js";
import type { LockHome } from "../local/lock-home.js";
import { checkAcquireOptions } from "../option-checks.js";
import type { AcquireOptions } from "../options.js";
import { requestRelease } from "../inspection/release-request.js";
import { PROCESS } from "../local/owner.js";
import { runInside } from "../local/run-inside.js";
import type { TakenBy, Taking } from "../local/taking.js";
import type { FencingToken } from "../engine/ticket.js";

/**
 * A handle on one resource. Who shares a hold within one process depends on how it was taken, unless `reentrancy` is
 * set:
 *
 * - What a bare `acquire()` took belongs to the **process**: every acquire and every body of the process enters it,
 *   with the same token, and is counted. Concurrent requests of one server that use it do not exclude each other.
 * - What `using` or `hold()` took belongs to that **body or object** alone: code inside re-enters it, everything else
 *   queues, in this process too. This is what requests of one server want.
 *
 * Each handle can give back only what it took.
 */
export class ZkLock extends EventEmitter<LockEvents> {
  /** The name of the resource. */
  readonly resource: string;
  /** True for readers and for permits of a semaphore. Their tokens tell holds apart, but do not fence writes. */
  readonly shared: boolean;
  readonly #home: LockHome;
  readonly #taken = new LockTakings(this);

  /** @internal Locks are made by their manager. */
  constructor(home: LockHome) {
    super();
    this.resource = home.target.resource;
    this.shared = home.target.discipline.shared;
    this.#home = home;
  }

  /**
   * Waits for the lock and returns its fencing token. The hold belongs to the process: another `acquire()` of the same
   * resource enters it and is counted (see `reentrancy`), so tasks of one process that have to exclude each other use
   * `using`.
   *
   * @example
   * const token = await lock.acquire({ timeout: 5_000 });
   * try {
   *   await store.write(row, token);
   * } finally {
   *   await lock.release(); // rejects with LockLostError, if the hold was lost meanwhile
   * }
   *
   * @throws AcquireTimeoutError, AlreadyLockedError (`failImmediate`), SessionLostError, AccessDeniedError,
   *   LockLostError when our place in the queue was deleted, SelfDeadlockError inside a hold that this acquire cannot
   *   enter, InvalidArgumentError, or the signal's reason
   */
  async acquire(options: AcquireOptions = {}): Promise<FencingToken> {
    return (await this.take(options, "acquire")).hold.token;
  }

  /**
   * Takes the lock if it is free now, or ours already, and gives its fencing token. Null: somebody else holds it. It
   * throws as `acquire` does otherwise.
   */
  async tryAcquire(): Promise<FencingToken | null> {
    return (await this.tryTake("acquire"))?.hold.token ?? null;
  }

  /**
   * As `acquire`, with the hold as an object that is given back by itself: for several holds on one handle (workers
   * that share a semaphore), and for `await using`. The hold belongs to that object: code outside of its `run` queues
   * behind it.
   *
   * @example
   * await using hold = await lock.hold(); // from Node 24; before that: try … finally { await hold.release(); }
   * await store.write(row, hold.token);
   *
   * @throws as `acquire`
   */
  async hold(options: AcquireOptions = {}): Promise<LockHold> {
    return new LockHold(await this.take(options, "object"));
  }

  /**
   * Gives back one acquire of this handle; the last one gives the lock back, and resolves when the ticket is gone, or
   * when deleting it has been left to the background because the connection is down. False: there was nothing to
   * release.
   *
   * Inside a body of `using` it is the latest acquire of that body, or else the body's own hold; outside, the latest
   * acquire that was made outside of bodies. With several holds on one handle (`reentrancy: "none"`, semaphores),
   * `hold()` tells them apart.
   * @throws LockLostError once, if the hold was lost meanwhile; NotHeldError where all that is left belongs to bodies
   *   or to objects of `hold()`, which give it back themselves
   */
  async release(): Promise<boolean> {
    if (this.#taken.all.isEmpty) return false;
    const taking = this.#taken.all.releasable(enclosingOf(this.#home).at(-1));
    if (taking) return taking.giveBack();
    throw new NotHeldError(
      `"${this.resource}" is held by the body of a \`using\` or by an object of \`hold()\`, which gives it ` +
        "back itself.",
      this,
    );
  }

  /**
   * Runs `body` while it holds the lock, gives the lock back on every way out, and resolves with what the body gave.
   * Bodies exclude each other, in this process too; code inside the body re-enters its hold (see `reentrancy`). An
   * error of the body wins over one of the release.
   *
   * @example
   * await lock.using(
   *   async ({ token, signal }) => {
   *     const row = await store.read(key, { signal });
   *     await store.write(key, change(row), token);
   *   },
   *   { timeout: 5_000 },
   * );
   *
   * @throws as `acquire`; LockLostError if the hold was lost while the body ran, even if the body ended well; its cause
   *   is the body's error
   */
  async using<T>(body: (hold: Hold) => Promise<T> | T, options: AcquireOptions = {}): Promise<T> {
    const taking = await this.take(options, "body");
    return runInside([taking], () => body(taking.hold));
  }

  /**
   * Asks the quorum whether the hold stands, which also renews the lease, and gives the fencing token.
   * @throws NotHeldError without a hold, LockLostError when it turns out to be over
   */
  async renew(): Promise<FencingToken> {
    const hold = this.#current();
    if (hold) return hold.renew();
    const lost = this.#taken.all.latest((taking) => taking.hold.loss !== null);
    throw lost?.hold.lossError() ?? this.#notHeld();
  }

  /** The fencing token; null when not held, by the lease clock. Inside a body of `using` it is that body's token. */
  get token(): FencingToken | null {
    return this.#current()?.token ?? null;
  }

  /** Whether the hold stands, by the lease clock: right at once after a pause of the process, whatever its length. */
  get isHeld(): boolean {
    return this.token !== null;
  }

  /** How often the hold has been entered and not given back; 0 when not held. */
  get holdCount(): number {
    return this.#current()?.count ?? 0;
  }

  /**
   * The signal of the current hold, or of the one that was lost last. It aborts with LockLostError. Without a hold it
   * is aborted already, with NotHeldError.
   */
  get signal(): AbortSignal {
    const hold = this.#inside()?.hold ?? this.#current() ?? this.#taken.all.latest(() => true)?.hold;
    return hold?.signal ?? AbortSignal.abort(this.#notHeld());
  }

  /**
   * Asks the holders of the resource, in any process, to give it back when convenient: their handles emit
   * `release-requested`. It resolves with the number of holders that were asked; 0: nobody holds it.
   * @throws SessionLostError when the session has ended, or no server has answered within the session timeout;
   *   AccessDeniedError
   */
  async requestRelease(): Promise<number> {
    this.#home.assertOpen();
    try {
      return await requestRelease(await this.#home.lookPort(), this.#home.target.directory);
    } catch (error) {
      throw retold(error, this.resource);
    }
  }

  /**
   * @internal Multi-locks call it too: `askedMs` is what their caller asked for in all, and `timeout` what is left of
   *   it.
   */
  async take(options: AcquireOptions, by: TakenBy, askedMs?: number): Promise<Taking> {
    checkAcquireOptions(options);
    const outcome = await this.#enter(options, by);
    return this.#accept(outcome, askedMs ?? options.timeout);
  }

  /** @internal As `take`, if it is free now; null: somebody else has it. */
  async tryTake(by: TakenBy): Promise<Taking | null> {
    const outcome = await this.#enter({ timeout: 0 }, by);
    return outcome.kind === "too-late" ? null : this.#accept(outcome, 0);
  }

  /** @internal The one hold that the caller can mean. @throws NotHeldError where there is none, or more than one */
  protected unambiguous(): ResourceHold {
    const inside = this.#inside();
    const own = inside ?? this.#taken.all.latest(() => true);
    if (own === undefined) throw this.#notHeld();
    const isClear =
      inside === undefined
        ? this.#taken.all.holds === 1
        : this.#taken.all.latest(({ within, hold }) => within === inside && hold !== inside.hold) === undefined;
    if (isClear) return own.hold;
    throw new NotHeldError(
      `This handle has several holds of "${this.resource}", and cannot tell which one is meant: ` +
        "ask inside `using`, or the object that `hold()` gives.",
      this,
    );
  }

  async #enter(options: AcquireOptions, by: TakenBy): Promise<Entered> {
    const onQueued = (ahead: number): void => later(() => this.emit("queued", { ahead }));
    const entered = await enter(this.#home, options, by, onQueued, (taking) => this.#taken.giveBack(taking));
    // This comes before any event, since a listener may try to give the hold back.
    if (entered.kind === "granted") this.#taken.keep(entered.taking);
    return entered;
  }

  /** Makes errors here, where their stack names the caller. */
  #accept(entered: Entered, timeoutMs: number | undefined): Taking {
    if (entered.kind !== "granted") throw errorOf(this.#home, entered, timeoutMs);
    const { taking } = entered;
    if (taking.hold.isHeld) return taking;
    this.#taken.remove(taking);
    throw taking.hold.lossError();
  }

  /** The innermost body of this resource that we run inside of, where this handle speaks of it. */
  #inside(): Taking | undefined {
    const { owning, target } = this.#home;
    const speaksOf = (taking: Taking): boolean => owning !== "none" || this.#taken.all.includes(taking);
    return enclosingOf(this.#home).findLast(
      (taking) => taking.hold.kind === target.discipline.kind && speaksOf(taking),
    );
  }

  /**
   * The hold that this handle speaks of: the body's that we run in, the process's shared one, or the one it took last.
   */
  #current(): ResourceHold | null {
    const { owning } = this.#home;
    const inside = this.#inside()?.hold;
    if (inside !== undefined) return inside.isHeld ? inside : null;
    const isShared = owning === "process" || owning === "default";
    const shared = isShared ? (this.#home.existingQueue()?.holdOf(PROCESS) ?? null) : null;
    return shared ?? this.#taken.all.latest(({ hold }) => hold.isHeld)?.hold ?? null;
  }

  #notHeld(): NotHeldError {
    return new NotHeldError(`"${this.resource}" is not held.`, { resource: this.resource });
  }
}
