import type { Clock } from "../../common/clock.js";
import { InvalidArgumentError } from "../../errors.js";
import { EventHeap } from "./event-heap.js";
import { ProcessClock, type Task, type TimeLine } from "./process-clock.js";
import { scramble } from "./random.js";
import { inTurns } from "./turns.js";

/** The options of `new VirtualClock()`. */
export interface VirtualClockOptions {
  /**
   * Decides which process goes first where several have something to do at the same moment; within one process, it is
   * always first come, first served. Default 0: in the order in which it was asked for.
   */
  seed?: number;
  /** The wall clock's reading at the start, in milliseconds since 1970. Default: 2025-01-01T00:00:00Z. */
  wallStartMs?: number;
}

const DEFAULT_WALL_START_MS = Date.UTC(2025, 0, 1);
const SHORTEST_DELAY_MS = 0.001;
const DEFAULT_IDLE_LIMIT_MS = 3_600_000;

/**
 * Time that passes only when told to. Nothing runs but inside `advance` and `runUntilIdle`, one thing at a time, and
 * between any two of them all promises settle as they would on a real event loop.
 */
export class VirtualClock implements Clock, TimeLine {
  readonly #tasks = new EventHeap<Task>();
  readonly #seed: number;
  readonly #wallStartMs: number;
  #nowMs = 0;
  #order = 0;
  #processes = 0;
  #foreground = 0;
  #turn = 0;
  #isRunning = false;

  constructor(options: VirtualClockOptions = {}) {
    this.#seed = options.seed ?? 0;
    this.#wallStartMs = options.wallStartMs ?? DEFAULT_WALL_START_MS;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs;
  }

  after(delayMs: number, action: () => void): () => void {
    return this.plan(delayMs, action, null, true, false);
  }

  soon(action: () => void): void {
    this.plan(0, action, null, false, false);
  }

  /** As `after`, for what never comes to an end (heartbeats, ticks): `runUntilIdle` does not wait for it. */
  background(delayMs: number, action: () => void): () => void {
    return this.plan(delayMs, action, null, true, true);
  }

  /** A view of this clock for one process, which can be stopped, and whose wall clock can jump. */
  process(): ProcessClock {
    return new ProcessClock(this, ++this.#processes);
  }

  /** Rises with each thing done: two readings are equal only within one of them and the promises after it. */
  get turn(): number {
    return this.#turn;
  }

  /** How many timers and macrotasks are waiting, those of stopped processes and of heartbeats not among them. */
  get pending(): number {
    return this.#foreground;
  }

  /**
   * Lets `ms` milliseconds pass, and does what falls due in them.
   * @throws what an action throws, and InvalidArgumentError where the clock is already running
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0) || ms === Infinity)
      throw new InvalidArgumentError(`Cannot advance by ${ms} ms: give a number from 0 up.`);
    const endMs = this.#nowMs + ms;
    await this.#run(() => this.#takeUntil(endMs));
    this.#nowMs = endMs;
  }

  /**
   * Lets time pass until nothing but heartbeats is planned, `limitMs` (default one hour) at most.
   * @returns false if the limit came first
   */
  async runUntilIdle(limitMs = DEFAULT_IDLE_LIMIT_MS): Promise<boolean> {
    const endMs = this.#nowMs + limitMs;
    await this.#run(() => (this.#foreground > 0 ? this.#takeUntil(endMs) : undefined));
    return this.#foreground === 0;
  }

  /** For a process's view of the clock. */
  plan(
    delayMs: number,
    action: () => void,
    process: ProcessClock | null,
    isTimer: boolean,
    isBackground: boolean,
  ): () => void {
    const sleptMs = process?.sleptMs ?? 0;
    // A delay too small to move the clock would have who waits for a moment look for ever.
    const due = this.#nowMs + (delayMs > 0 ? Math.max(delayMs, SHORTEST_DELAY_MS) : 0);
    const task: Task = { due, rank: 0, order: 0, action, process, isTimer, isBackground, sleptMs };
    this.#add(task);
    return () => {
      if (task.action !== null && !process?.holds(task)) this.#count(task, -1);
      task.action = null;
    };
  }

  /** For a process that goes on: what it missed is due now, in the order given. */
  replan(tasks: Task[]): void {
    for (const task of tasks) {
      task.due = Math.max(this.#nowMs, task.due);
      this.#add(task);
    }
  }

  #add(task: Task): void {
    task.order = ++this.#order;
    task.rank =
      this.#seed === 0 ? 0 : scramble(this.#seed ^ scramble((task.process?.id ?? 0) + Math.round(task.due * 64)));
    this.#tasks.push(task);
    this.#count(task, 1);
  }

  #count(task: Task, change: number): void {
    if (!task.isBackground) this.#foreground += change;
  }

  async #run(take: () => (() => void) | undefined): Promise<void> {
    if (this.#isRunning)
      throw new InvalidArgumentError("The virtual clock is running already: await the first call first.");
    this.#isRunning = true;
    try {
      await inTurns(() => {
        const action = take();
        if (action === undefined) return false;
        this.#turn++;
        action();
        return true;
      });
    } finally {
      this.#turn++;
      this.#isRunning = false;
    }
  }

  #takeUntil(endMs: number): (() => void) | undefined {
    for (;;) {
      const next = this.#tasks.peek();
      if (next === undefined || next.due > endMs) return undefined;
      const action = this.#take(next);
      if (action !== null) return action;
    }
  }

  /** Takes the first task off the heap; null if it is not to be done now. */
  #take(task: Task): (() => void) | null {
    this.#tasks.pop();
    const { action, process } = task;
    if (action === null) return null;
    this.#count(task, -1);
    if (process !== null && process.putsOff(task)) return null;
    this.#nowMs = Math.max(this.#nowMs, task.due);
    task.action = null;
    return action;
  }
}
