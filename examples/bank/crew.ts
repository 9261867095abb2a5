import { type ChildProcess, fork } from "node:child_process";
import { EventEmitter } from "node:events";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { reapWithUs } from "../../scripts/lib/reaper.mjs";
import type { LateWrite, Message, Task } from "./messages.js";

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

type Stopping = Extract<Message, { kind: "stopping" }>;
type Done = Extract<Message, { kind: "done" }>;

interface CrewEvents {
  stopping: [worker: string, message: Stopping];
  "wrote-late": [worker: string, message: LateWrite];
  done: [worker: string, message: Done];
}

/** The worker processes. */
export class Crew extends EventEmitter<CrewEvents> {
  readonly #processes = new Map<string, ChildProcess>();
  readonly #ends: Promise<void>[] = [];

  start(task: Task): void {
    const child = fork(WORKER, [JSON.stringify(task)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#processes.set(task.name, child);
    // Who stands still does not notice that its parent was killed.
    const directory = dirname(task.ledgerFile);
    const forget = child.pid === undefined ? undefined : reapWithUs({ pid: child.pid, marker: WORKER, directory });
    child.on("message", (message) => this.#pass(task.name, message as Message));
    this.#ends.push(
      new Promise((resolve, reject) => {
        child.once("error", reject);
        child.once("exit", (code, signal) => {
          forget?.();
          if (code === 0) resolve();
          else reject(new Error(`The worker ${task.name} ended with ${signal ?? `code ${String(code)}`}.`));
        });
      }),
    );
  }

  /** Resolves when all have ended well. @throws as soon as one has not */
  async finished(): Promise<void> {
    await Promise.all(this.#ends);
  }

  /** Lets a stopped worker go on. */
  wake(worker: string): void {
    this.#processes.get(worker)?.kill("SIGCONT");
  }

  /** Ends them all, also one that stands still. */
  dismiss(): void {
    for (const child of this.#processes.values()) child.kill("SIGKILL");
  }

  #pass(worker: string, message: Message): void {
    switch (message.kind) {
      case "stopping":
        return void this.emit("stopping", worker, message);
      case "wrote-late":
        return void this.emit("wrote-late", worker, message);
      case "done":
        return void this.emit("done", worker, message);
      default:
        message satisfies never;
    }
  }
}
