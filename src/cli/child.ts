import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { descriptorsForChild } from "./descriptors.js";
import { EXIT, exitCodeOfSignal } from "./exit-codes.js";
import { Problem } from "./problem.js";
import type { SignalTarget } from "./signals.js";

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

/** The command that runs under the lock, and its process group. */
export class Child implements SignalTarget {
  /** Resolves with the exit code, as a shell would have it. */
  readonly exited: Promise<number>;
  #hasExited = false;

  private constructor(
    private readonly process: ChildProcess,
    readonly pid: number,
    readonly sharesOurGroup: boolean,
  ) {
    this.exited = new Promise((resolve) => {
      process.once("exit", (code, signal) => {
        this.#hasExited = true;
        resolve(code ?? exitCodeOfSignal(signal ?? "SIGKILL"));
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
      throw new Problem(`${command} could not be started: ${why(error)}.`, EXIT.childTrouble, { cause: error });
    }
  }

  /** What is sent to the group where there is one. False: nobody is there any more. @throws Problem 3, if not allowed */
  signal(signal: NodeJS.Signals): boolean {
    if (this.sharesOurGroup && this.#hasExited) return false;
    return send(this.sharesOurGroup ? this.pid : -this.pid, signal);
  }

  /** What the watchdog has to kill: a process group as a negative number. */
  get killTarget(): number {
    return this.sharesOurGroup ? this.pid : -this.pid;
  }

  /** Whether the child, and its group if it has one, were gone within `withinMs`. */
  async gone(withinMs: number): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while (!this.#hasExited || (!this.sharesOurGroup && this.#isThere())) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      await sleep(Math.min(POLL_MS, leftMs));
    }
    return true;
  }

  /** Whether the child itself has ended within `withinMs`. */
  async ended(withinMs: number): Promise<boolean> {
    const late = new AbortController();
    const patience = sleep(withinMs, false, { signal: late.signal }).catch(() => false);
    const ended = await Promise.race([this.exited.then(() => true), patience]);
    late.abort();
    return ended;
  }

  /** Kills it, as far as that can be done, when something of ours went wrong. */
  abandon(): void {
    try {
      if (!this.#hasExited) this.signal("SIGKILL");
    } catch {
      // The error that brought us here says more.
    }
  }

  /** Over the channel that a Node module has; one that has hung up gets nothing. */
  post(message: object): void {
    if (this.process.connected) this.process.send(message, () => undefined);
  }

  onMessage(listener: (message: unknown) => void): void {
    this.process.on("message", listener);
  }

  #isThere(): boolean {
    try {
      return send(this.killTarget, 0);
    } catch {
      return true;
    }
  }
}

function send(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(target, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw new Problem(`Process ${Math.abs(target)} cannot be sent ${signal}: ${why(error)}.`, EXIT.childTrouble, {
      cause: error,
    });
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
