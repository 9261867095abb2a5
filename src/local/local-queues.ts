import { bounded } from "../common/bounded.js";
import type { Discipline } from "../queue/discipline.js";
import { read, write } from "../queue/discipline.js";
import type { Target } from "../queue/target.js";
import type { Claim } from "./claim.js";
import { type LockError, ManagerClosedError } from "../errors.js";
import type { ResourceHold } from "../hold/hold.js";
import { writeLimit } from "../queue/ticket-note.js";
import type { LocalContext } from "./local-context.js";
import { LocalQueue, type Siblings } from "./local-queue.js";
import type { LockHome } from "./lock-home.js";
import type { LockOptions, ManagerOptions } from "../options.js";
import { DEFAULT_ROOT_DIR } from "../options.js";
import { Paced } from "../common/paced.js";
import { directoryOf } from "../common/resource-path.js";
import { Withdrawals } from "../queue/withdrawals.js";
import type { Engine } from "../engine/engine.js";
import type { LookPort } from "../engine/queue-port.js";
import { microtask } from "../common/later.js";

/** Between two tries to do what the server refused, or what a lost connection cut short. */
const PAUSE_MS = 50;

/** What the queues of a manager need of it. */
export interface LocalQueuesHost {
  readonly options: ManagerOptions;
  /** Written into our tickets. */
  readonly identity: Buffer;
  readonly engine: Engine;
  /** The ports for looks at queues from outside. */
  readonly outside: { get(): Promise<LookPort> };
  error(error: LockError): void;
}

/** The local queues of one manager, made when somebody acquires, gone when nobody is left in them. */
export class LocalQueues {
  readonly #queues = new Map<string, LocalQueue>();
  readonly #background = new Set<Promise<unknown>>();
  readonly #withdrawals = new Withdrawals();
  readonly #paced: Paced;
  /** Why no acquire is served any more. */
  #closed: { readonly why: string; readonly reason: "draining" | "closed" } | null = null;
  #whenEmpty: (() => void)[] = [];

  constructor(private readonly host: LocalQueuesHost) {
    this.#paced = new Paced(() => host.engine.clock);
  }

  /** What a lock of this resource and kind needs. */
  home(resource: string, discipline: Discipline, options: LockOptions): LockHome {
    const { rootDir = DEFAULT_ROOT_DIR, acquireTimeout } = this.host.options;
    const directory = directoryOf(options.rootDir ?? rootDir, resource);
    const target: Target = { resource, directory, discipline };
    const halves = [target, ...otherHalfOf(target)];
    return {
      target,
      owning: options.reentrancy ?? (discipline.kind === "semaphore" ? "none" : "default"),
      failImmediate: options.failImmediate ?? false,
      acquireTimeoutMs: options.acquireTimeout ?? acquireTimeout,
      queue: () => this.#queue(target),
      existingQueue: () => this.#existing(target),
      isOfResource: (hold) => hold.isOf(this) && hold.directory === directory,
      processHasIt: () => halves.some((half) => this.#existing(half)?.isOfProcess() ?? false),
      lookPort: () => this.host.outside.get(),
      assertOpen: () => {
        if (this.#closed !== null) throw new ManagerClosedError(this.#closed.why, { ...this.#closed, resource });
      },
    };
  }

  holds(): ResourceHold[] {
    return [...this.#queues.values()].flatMap((queue) => queue.holds());
  }

  /** No acquire any more; waiting ones are rejected, holds stay. */
  rejectWaiters(why: string): void {
    const reason = "draining";
    this.#closed ??= { why, reason };
    this.#track(this.#endAll(new ManagerClosedError(why, { reason }), (claim, error) => claim.rejectWaiters(error)));
  }

  /** Resolves when nobody holds or waits any more, or after `timeoutMs`. */
  async whenIdle(timeoutMs: number): Promise<void> {
    if (this.#queues.size === 0) return;
    const idle = new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
    await bounded(idle, Math.max(1, timeoutMs), this.host.engine.clock, () => undefined);
  }

  /** Ends everything. Resolves when all tickets are withdrawn, or `timeoutMs` is over: what is left dies with the session. */
  async close(why: string, timeoutMs: number): Promise<void> {
    const reason = "closed";
    this.#closed = { why, reason };
    await this.#endAll(new ManagerClosedError(why, { reason }), (claim, error) => claim.close(error));
    const withdrawn = Promise.all(this.#background).then(() => undefined);
    await bounded(withdrawn, timeoutMs, this.host.engine.clock, () => undefined);
  }

  /** At once where there are few. With very many, everything else in the process goes on meanwhile; nobody is granted any more. */
  #endAll(error: ManagerClosedError, end: (claim: Claim, error: ManagerClosedError) => void): Promise<void> {
    const claims = [...this.#queues.values()].flatMap((queue) => queue.startClosing(error));
    return this.#paced.each(claims, (claim) => end(claim, error));
  }

  #existing(target: Target): LocalQueue | undefined {
    return this.#queues.get(keyOf(target));
  }

  #queue(target: Target): LocalQueue {
    const existing = this.#existing(target);
    if (existing !== undefined) return existing;
    const clock = this.host.engine.clock;
    const key = keyOf(target);
    const { limit } = target.discipline;
    const context: LocalContext = {
      clock,
      paced: this.#paced,
      port: (signal) => this.host.engine.port(signal),
      background: (work) => this.#track(work),
    };
    const options = {
      ...target,
      manager: this,
      data: limit === undefined ? this.host.identity : writeLimit(this.host.identity, limit),
      clock,
      pause: () => new Promise<void>((resolve) => clock.after(PAUSE_MS, resolve)),
      withdrawals: this.#withdrawals,
      onStuck: (error: unknown) => this.host.error(error as LockError),
    };
    const queue = new LocalQueue(context, options, this.#siblings(target), () => {
      // In a moment: whoever found the last claim over may be about to make a new one.
      microtask(() => {
        if (!queue.isEmpty) return;
        this.#queues.delete(key);
        if (this.#queues.size === 0) for (const tell of this.#whenEmpty.splice(0)) tell();
      });
    });
    this.#queues.set(key, queue);
    return queue;
  }

  #siblings(target: Target): Siblings {
    const { kind } = target.discipline;
    const otherHalf = (): LocalQueue | undefined => otherHalfOf(target).map((half) => this.#existing(half))[0];
    switch (kind) {
      case "read":
        return { writers: otherHalf };
      case "write":
        return { readers: otherHalf };
      case "mutex":
      case "semaphore":
        return {};
      default:
        return kind satisfies never;
    }
  }

  #track(work: Promise<unknown>): void {
    this.#background.add(work);
    void work.finally(() => this.#background.delete(work));
  }
}

/** The other half of a read/write lock; none of any other kind. */
function otherHalfOf(target: Target): readonly Target[] {
  const { kind } = target.discipline;
  const otherHalf = kind === "read" ? write : kind === "write" ? read : undefined;
  return otherHalf === undefined ? [] : [{ ...target, discipline: otherHalf }];
}

/** Semaphores that ask for different limits have queues of their own: it is ZooKeeper that knows who of them is right. */
function keyOf({ directory, discipline: { kind, limit = 0, replacesLimit = false } }: Target): string {
  return `${kind} ${limit} ${replacesLimit} ${directory}`;
}
