import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { isStopped } from "../../scripts/lib/process-table.mjs";
import { reapWithUs } from "../../scripts/lib/reaper.mjs";
import { until } from "./until.js";
import type { WorkerAnswer, WorkerApi, WorkerFailure } from "./worker-protocol.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const START_TIMEOUT_MS = 30_000;

export interface WorkerOptions {
  readonly args?: readonly string[];
  /** Beside our own environment; ZK_TEST_CONNECT is in it. */
  readonly env?: Readonly<Record<string, string>>;
}

/** An error thrown in the worker: `code`, `reason` and the name are those it had there. */
export class WorkerError extends Error {
  override readonly name: string;
  readonly code: unknown;
  readonly reason: unknown;

  constructor({ name, message, stack, code, reason }: WorkerFailure, call: string) {
    super(message);
    this.name = name;
    this.code = code;
    this.reason = reason;
    this.stack = `${this.stack ?? ""}\n  in the worker's "${call}":\n${stack ?? ""}`;
  }
}

interface Pending {
  readonly call: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A process of its own, running a TypeScript file that ends in `serve(api)` of worker-side.ts. Its functions are called with
 * `call`; its `Api` is the type of that object.
 */
export class WorkerProcess<Api extends WorkerApi> {
  readonly pid: number;
  /** All that the worker has told by `emit`, in order. */
  readonly events: { readonly event: string; readonly data: unknown }[] = [];
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  readonly #file: string;
  readonly #pending = new Map<number, Pending>();
  #output = "";
  #lastId = 0;
  #ready = false;
  #alive = true;

  /** Use `startWorker`. */
  constructor(file: string, options: WorkerOptions) {
    this.#file = file;
    const child = fork(file, options.args ?? [], {
      execArgv: ["--import", "tsx"],
      cwd: ROOT,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      // Structured clones: a bigint or a Buffer arrives as what it is.
      serialization: "advanced",
    });
    this.#child = child;
    if (child.pid === undefined) throw new Error(`No process could be started for ${file}.`);
    this.pid = child.pid;
    const forget = reapWithUs({ pid: child.pid, marker: file });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (bytes: Buffer) => (this.#output = `${this.#output}${bytes.toString()}`.slice(-8_000)));
    }
    child.on("message", (message) => this.#onMessage(message as WorkerAnswer));
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#alive = false;
        forget();
        for (const { call, reject } of this.#pending.values()) reject(this.#ended(call));
        this.#pending.clear();
        resolve({ code, signal });
      });
    });
  }

  /** Calls a function of the worker. Rejects with a WorkerError if it throws, and if the worker ends before it answers. */
  call<Name extends keyof Api & string>(
    name: Name,
    ...args: Parameters<Api[Name]>
  ): Promise<Awaited<ReturnType<Api[Name]>>> {
    return new Promise((resolve, reject) => {
      if (!this.#alive) {
        reject(this.#ended(name));
        return;
      }
      const id = (this.#lastId += 1);
      this.#pending.set(id, { call: name, resolve: resolve as (value: unknown) => void, reject });
      this.#child.send({ id, name, args });
    });
  }

  /** Waits for the worker to tell `event`, which it may have done already; resolves with what it told. */
  async event(event: string, timeoutMs = 10_000): Promise<unknown> {
    const found = await until(() => this.events.find((told) => told.event === event), {
      what: `the worker's "${event}"`,
      timeoutMs,
    });
    return found.data;
  }

  /** Stops the process (SIGSTOP) and resolves when it stands. Calls that are made meanwhile are answered after `resume()`. */
  async pause(): Promise<void> {
    this.#child.kill("SIGSTOP");
    await until(() => isStopped(this.pid), { what: "the worker to stand still", everyMs: 1 });
  }

  /** Lets a paused process go on (SIGCONT). */
  resume(): void {
    this.#child.kill("SIGCONT");
  }

  /** Ends the process, paused or not, and resolves when it is gone. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (this.#alive) this.#child.kill(signal);
    await this.exited;
  }

  /** Lets this process end although the worker runs, which then ends too. */
  unref(): void {
    this.#child.unref();
    this.#child.channel?.unref();
    for (const stream of [this.#child.stdout, this.#child.stderr]) (stream as Socket | null)?.unref();
  }

  /** Resolves when the worker serves; one that does not within 30 s is ended. */
  async ready(): Promise<void> {
    try {
      await until(() => this.#ready || !this.#alive, { what: `the worker ${this.#file}`, timeoutMs: START_TIMEOUT_MS });
      if (!this.#ready) throw this.#ended("start");
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** The last 8,000 characters that the worker wrote to its standard output and error. */
  get output(): string {
    return this.#output;
  }

  #onMessage(message: WorkerAnswer): void {
    if ("ready" in message) this.#ready = true;
    else if ("event" in message) this.events.push(message);
    else {
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if ("error" in message) pending?.reject(new WorkerError(message.error, pending.call));
      else pending?.resolve(message.result);
    }
  }

  #ended(call: string): Error {
    const { exitCode, signalCode } = this.#child;
    const how = signalCode ?? `code ${exitCode ?? "unknown"}`;
    return new Error(`The worker ended (${how}) before it answered "${call}". What it wrote last:\n${this.#output}`);
  }
}

/**
 * Starts a worker, such as `startWorker<typeof import("./holder.js").api>(new URL("holder.ts", import.meta.url))`, and
 * resolves when it serves. It does not outlive this process; a test ends it with `kill()`.
 */
export async function startWorker<Api extends WorkerApi>(
  file: URL,
  options: WorkerOptions = {},
): Promise<WorkerProcess<Api>> {
  const worker = new WorkerProcess<Api>(fileURLToPath(file), options);
  await worker.ready();
  return worker;
}
