import { InvalidArgumentError } from "../errors.js";
import { checkResource, checkToken, timeOption } from "./arguments.js";
import { staleToken } from "./errors.js";
import { DEFAULT_WAIT_TIMEOUT_MS } from "./fence-guard.js";
import type { FenceGuard, FenceOptions, FencingToken } from "./fence-guard.js";
import { inside, openRun } from "./open-run.js";
import { Turns } from "./turns.js";

export type { FenceGuard, FenceOptions, FencingToken } from "./fence-guard.js";
export { FenceBusyError, FenceTransactionError } from "./errors.js";
export { StaleTokenError } from "../errors.js";

/** Reads what is committed and its own writes; its writes come into force when the body ends well. */
export interface MemoryTransaction {
  /** The value of a key: what this transaction has written, or else what is committed. */
  get(key: string): unknown;
  /** Sets a key when the body ends well. */
  set(key: string, value: unknown): void;
  /** Removes a key when the body ends well. */
  delete(key: string): void;
}

/** A fence guard over a store in memory: see `memoryFence`. */
export interface MemoryFenceGuard extends FenceGuard<MemoryTransaction> {
  /** The committed value of a key, outside any transaction. */
  get(key: string): unknown;
}

/**
 * Makes a fence guard over a store in this process's memory: for unit tests, and as the model of the other guards.
 *
 * @example
 * const guard = memoryFence();
 * await guard.run("account/7", token, (tx) => tx.set("balance", 110));
 * console.log(guard.get("balance")); // → 110
 */
export function memoryFence(options: FenceOptions = {}): MemoryFenceGuard {
  return new MemoryFence(timeOption("waitTimeoutMs", options.waitTimeoutMs, DEFAULT_WAIT_TIMEOUT_MS));
}

class MemoryFence implements MemoryFenceGuard {
  readonly #waitTimeoutMs: number;
  readonly #fences = new Map<string, FencingToken>();
  readonly #values = new Map<string, unknown>();
  readonly #turns = new Map<string, Turns>();

  constructor(waitTimeoutMs: number) {
    this.#waitTimeoutMs = waitTimeoutMs;
  }

  async run<T>(resource: string, token: FencingToken, body: (tx: MemoryTransaction) => Promise<T> | T): Promise<T> {
    checkResource(resource);
    checkToken(token);
    const run = openRun(this, "", resource);
    const turns = this.#turns.get(resource) ?? new Turns();
    this.#turns.set(resource, turns);
    const end = await turns.take(resource, this.#waitTimeoutMs);
    try {
      const highest = this.#fences.get(resource);
      if (highest !== undefined && token < highest) throw staleToken(resource, token, highest);
      const tx = new StagedWrites(this.#values);
      try {
        const result = await inside(run, () => body(tx));
        this.#fences.set(resource, token);
        tx.commit();
        return result;
      } finally {
        tx.close();
      }
    } finally {
      run.state = "ended";
      end();
      if (turns.idle) this.#turns.delete(resource);
    }
  }

  get(key: string): unknown {
    return this.#values.get(key);
  }

  highest(resource: string): Promise<FencingToken | null> {
    return settle(() => {
      checkResource(resource);
      return this.#fences.get(resource) ?? null;
    });
  }

  setup(): Promise<void> {
    return Promise.resolve();
  }
}

class StagedWrites implements MemoryTransaction {
  readonly #committed: Map<string, unknown>;
  readonly #staged = new Map<string, { value: unknown } | "deleted">();
  #closed = false;

  constructor(committed: Map<string, unknown>) {
    this.#committed = committed;
  }

  get(key: string): unknown {
    const staged = this.#staged.get(key);
    if (staged === undefined) return this.#committed.get(key);
    return staged === "deleted" ? undefined : staged.value;
  }

  set(key: string, value: unknown): void {
    this.#checkOpen();
    this.#staged.set(key, { value });
  }

  delete(key: string): void {
    this.#checkOpen();
    this.#staged.set(key, "deleted");
  }

  /** What is written from now on could not come into force. */
  close(): void {
    this.#closed = true;
  }

  #checkOpen(): void {
    if (this.#closed)
      throw new InvalidArgumentError("The run is over, and this write came too late. Await everything in the body.");
  }

  commit(): void {
    for (const [key, staged] of this.#staged) {
      if (staged === "deleted") this.#committed.delete(key);
      else this.#committed.set(key, staged.value);
    }
  }
}

/** Makes a thrown error a rejection, so that every call of a guard fails in the same way. */
function settle<T>(action: () => T): Promise<T> {
  return new Promise((resolve) => resolve(action()));
}
