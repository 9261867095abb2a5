import type { Clock } from "../../common/clock.js";
import type { TimedEvent } from "./event-heap.js";

/** One thing to do in virtual time. */
export interface Task extends TimedEvent {
  action: (() => void) | null;
  readonly process: ProcessClock | null;
  readonly isTimer: boolean;
  readonly isBackground: boolean;
  /** How long the process's machine had slept when this was planned. */
  sleptMs: number;
}

/** What the clocks of all processes are views of. */
export interface TimeLine extends Clock {
  /** @returns what takes it back */
  plan(
    delayMs: number,
    action: () => void,
    process: ProcessClock | null,
    isTimer: boolean,
    isBackground: boolean,
  ): () => void;
  /** Plans anew what a paused process was kept from, in the order given. */
  replan(tasks: readonly Task[]): void;
}

/**
 * One process's view of a virtual clock. Paused, it is a process under SIGSTOP, or with a blocked event loop: none of
 * its timers and macrotasks run, while time goes on; resumed, all of them are overdue at once.
 */
export class ProcessClock implements Clock {
  readonly #held = new Set<Task>();
  #wallJumpMs = 0;
  #sleptMs = 0;
  #stopped: { atMs: number; machineSleeps: boolean } | null = null;

  /** Made by `VirtualClock.process()`. */
  constructor(
    /** The virtual clock that this one is a view of. */
    readonly base: TimeLine,
    /** The number of the process. */
    readonly id: number,
  ) {}

  monotonicMs(): number {
    const { atMs, machineSleeps } = this.#stopped ?? { atMs: 0, machineSleeps: false };
    return (machineSleeps ? atMs : this.base.monotonicMs()) - this.#sleptMs;
  }

  wallMs(): number {
    return this.base.wallMs() + this.#wallJumpMs;
  }

  after(delayMs: number, action: () => void): () => void {
    return this.base.plan(delayMs, action, this, true, false);
  }

  soon(action: () => void): void {
    this.base.plan(0, action, this, false, false);
  }

  /** As `after`, for what never comes to an end: `runUntilIdle` does not wait for it. */
  background(delayMs: number, action: () => void): () => void {
    return this.base.plan(delayMs, action, this, true, true);
  }

  /** Whether the process is paused. */
  get isPaused(): boolean {
    return this.#stopped !== null;
  }

  /** How long the machine of this process has slept so far, in milliseconds. */
  get sleptMs(): number {
    return this.#sleptMs;
  }

  /** How many overdue timers and macrotasks wait for the process to go on. */
  get heldBack(): number {
    return [...this.#held].filter((task) => task.action !== null).length;
  }

  /**
   * Stops the process. With `machineSleeps` the whole machine does: the monotonic clock and with it the timers stand
   * still, the wall clock goes on.
   */
  pause(options: { machineSleeps?: boolean } = {}): void {
    this.#stopped ??= { atMs: this.base.monotonicMs(), machineSleeps: options.machineSleeps ?? false };
  }

  /** Lets the process go on. As in Node, overdue timers come first, then what arrived over the network. */
  resume(): void {
    if (this.#stopped === null) return;
    if (this.#stopped.machineSleeps) this.#sleptMs += this.base.monotonicMs() - this.#stopped.atMs;
    this.#stopped = null;
    const tasks = [...this.#held].filter((task) => task.action !== null);
    this.#held.clear();
    // They were held back in the order in which they fell due.
    const timers = tasks.filter((task) => task.isTimer);
    for (const task of timers) this.#shift(task);
    this.base.replan([...timers, ...tasks.filter((task) => !task.isTimer)]);
  }

  /** The wall clock jumps by `ms`, forward or back; timers do not notice. */
  jumpWall(ms: number): void {
    this.#wallJumpMs += ms;
  }

  /** For the virtual clock: true if the task must not run now, because the process is stopped or its machine slept. */
  putsOff(task: Task): boolean {
    if (this.#stopped !== null) {
      this.#held.add(task);
      return true;
    }
    if (!task.isTimer || task.sleptMs === this.#sleptMs) return false;
    this.#shift(task);
    this.base.replan([task]);
    return true;
  }

  /** For the virtual clock: true while the task waits for the process to go on. */
  holds(task: Task): boolean {
    return this.#held.has(task);
  }

  #shift(task: Task): void {
    task.due += this.#sleptMs - task.sleptMs;
    task.sleptMs = this.#sleptMs;
  }
}
