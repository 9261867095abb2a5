import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { resolve as resolvePath } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { descriptorsForChild } from "./descriptors.js";
import type { End } from "../exit.js";
import { Problem } from "../problem.js";
import { membersOf, type SessionMember } from "./session-members.js";
import type { Delivery, SignalTarget } from "./signals.js";

export interface ChildSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** `command` is a Node module, which gets a channel to us. */
  readonly isNodeModule: boolean;
  /** The child stays in our process group, with the controlling terminal. */
  readonly foreground: boolean;
}

const POLL_MS = 10;
const INHERIT = ["inherit", "inherit", "inherit"] as const;

/** The command that runs under the lock, and the processes of its session. */
export class Child implements SignalTarget {
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<End>;
  readonly #paused = new Set<number>();
  #hasExited = false;

  private constructor(
    private readonly process: ChildProcess,
    readonly pid: number,
    readonly sharesOurGroup: boolean,
  ) {
    this.exited = new Promise((resolve) => {
      process.once("exit", (code, signal) => {
        this.#hasExited = true;
        resolve(code ?? signal ?? "SIGKILL");
      });
    });
    // After its start a child's error is a message or a signal that did not reach it: it has ended, and `exit` says so.
    process.on("error", () => undefined);
  }

  /**
   * Starts it, at the head of a session and process group of its own unless `foreground` (see
   * docs/decisions/zk-lock-child.md).
   * @throws Problem 3
   */
  static async start({ command, args, env, isNodeModule, foreground }: ChildSpec): Promise<Child> {
    const options = { env, detached: !foreground };
    const stdio = [...INHERIT, ...descriptorsForChild()];
    try {
      const started = isNodeModule
        ? fork(command, args, { ...options, stdio: [...stdio, "ipc"] })
        : spawn(command, args, { ...options, stdio });
      // One that could not be started has no number, and says why in its `error`.
      if (started.pid !== undefined) return new Child(started, started.pid, foreground);
      const [error] = (await once(started, "error")) as [Error];
      throw error;
    } catch (error) {
      throw new Problem(`${command} could not be started: ${why(error)}.`, "childTrouble", { cause: error });
    }
  }

  /** To its group where it has one, else to the child alone. */
  signal(signal: NodeJS.Signals): Delivery {
    if (this.sharesOurGroup && this.#hasExited) return "gone";
    return send(this.killTarget, signal);
  }

  /** To its group, and to all other processes of its session: a shell with job control gives each job a group of its own. */
  signalAll(signal: NodeJS.Signals): void {
    this.signal(signal);
    for (const { pid } of this.#others()) send(pid, signal);
  }

  /** The processes that we may not signal, as they run as another user. */
  get outOfReach(): readonly number[] {
    if (this.sharesOurGroup && this.#hasExited) return [];
    const all = this.#members()?.map(({ pid }) => pid) ?? [this.pid];
    return all.filter((pid) => send(pid, 0) === "refused");
  }

  /** Stops it and all of its session. False, with nothing done, where one of them may not be stopped. */
  pause(): boolean {
    if (this.outOfReach.length > 0) return false;
    this.signal("SIGSTOP");
    // Again for those that were started meanwhile. What stands still already is not ours to continue.
    for (let found = this.#running(); found.length > 0; found = this.#running()) {
      for (const pid of found) {
        this.#paused.add(pid);
        send(pid, "SIGSTOP");
      }
    }
    return true;
  }

  /** Lets its group go on, and what `pause` stopped besides. */
  resume(): Delivery {
    for (const pid of this.#paused) send(pid, "SIGCONT");
    this.#paused.clear();
    return this.signal("SIGCONT");
  }

  /** What the watchdog has to kill: a process group as a negative number. */
  get killTarget(): number {
    return this.sharesOurGroup ? this.pid : -this.pid;
  }

  /** Whether the child, and all of its session if it has one, were gone within `withinMs`. */
  async gone(withinMs: number): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while (!this.#hasExited || (!this.sharesOurGroup && this.#hasCompany())) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      await sleep(Math.min(POLL_MS, leftMs));
    }
    return true;
  }

  /** A process of it that has not ended; where nobody can tell of a session's, only the child itself. */
  get remaining(): number | undefined {
    return this.#hasExited ? this.#members()?.[0]?.pid : this.pid;
  }

  /** Kills it, as far as that can be done, when something of ours went wrong. */
  abandon(): void {
    if (!this.#hasExited) this.signalAll("SIGKILL");
  }

  /** Over the channel that a Node module has; one that has hung up gets nothing. */
  post(message: object): void {
    if (this.process.connected) this.process.send(message, () => undefined);
  }

  onMessage(listener: (message: unknown) => void): void {
    this.process.on("message", listener);
  }

  /** Null where nobody can tell. */
  #members(): readonly SessionMember[] | null {
    return this.sharesOurGroup ? null : membersOf(this.pid);
  }

  /** What is in another group of the session than the child's. */
  #others(): readonly SessionMember[] {
    return (this.#members() ?? []).filter(({ group }) => group !== this.pid);
  }

  /** Of those, what `pause` has not stopped yet. */
  #running(): readonly number[] {
    const running = this.#others().filter(({ pid, stopped }) => !stopped && !this.#paused.has(pid));
    return running.map(({ pid }) => pid);
  }

  #hasCompany(): boolean {
    const members = this.#members();
    return members === null ? send(this.killTarget, 0) !== "gone" : members.length > 0;
  }
}

function send(target: number, signal: NodeJS.Signals | 0): Delivery {
  try {
    process.kill(target, signal);
    return "sent";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH" ? "gone" : "refused";
  }
}

function why(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return "there is no such command";
    case "EACCES":
      return "it is not executable";
    case "EPERM":
      return "that is not allowed";
    case undefined:
    default:
      return message;
  }
}

/**
 * The file of a module that is named as `node` would take it. Looked up before anything is locked: a Node process that does
 * not find its module ends with 1, which would say that the lock was not acquired.
 * @throws Problem 3
 */
export function findNodeModule(name: string): string {
  try {
    return createRequire(resolvePath("zk-lock.js")).resolve(resolvePath(name));
  } catch (error) {
    throw new Problem(`${name} could not be started: there is no such Node module.`, "childTrouble", {
      cause: error,
    });
  }
}
