import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { reapWithUs } from "../../scripts/lib/reaper.mjs";
import { until } from "../helpers/until.js";

/** The built command line: that is what people run. ZK_LOCK_TEST_CLI names another build of it. */
export const CLI = process.env["ZK_LOCK_TEST_CLI"] ?? fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

const TERMINAL = fileURLToPath(new URL("terminal.py", import.meta.url));

export interface CommandOptions {
  /** Written to its standard input, which ends then. Without it there is none. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A program that was started as a user would, and what it wrote. */
export class Command {
  readonly pid: number;
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  #stdout = "";
  #stderr = "";
  #running = true;

  constructor(program: string, args: readonly string[], { input, env, cwd }: CommandOptions, keepStdin = false) {
    const child = spawn(program, args, {
      stdio: [keepStdin || input !== undefined ? "pipe" : "ignore", "pipe", "pipe"],
      env: cleanEnvironment(env),
      cwd,
    });
    if (child.pid === undefined) throw new Error(`${program} could not be started`);
    this.pid = child.pid;
    this.#child = child;
    const forget = reapWithUs({ pid: child.pid, marker: CLI });
    child.stdout?.on("data", (bytes: Buffer) => (this.#stdout += bytes.toString()));
    child.stderr?.on("data", (bytes: Buffer) => (this.#stderr += bytes.toString()));
    child.stdin?.on("error", () => undefined);
    if (input !== undefined) child.stdin?.end(input);
    this.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#running = false;
        forget();
        const exitCode = code ?? 128 + constants.signals[signal ?? "SIGKILL"];
        resolve({ code: exitCode, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
    running.add(this);
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get isRunning(): boolean {
    return this.#running;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Types into a terminal that was opened by `inTerminal`. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Waits for a text on standard output or error. */
  async says(text: string | RegExp, timeoutMs = 10_000): Promise<void> {
    const all = (): string => this.#stdout + this.#stderr;
    const found = (): boolean => (typeof text === "string" ? all().includes(text) : text.test(all()));
    await until(() => found() || !this.#running, { what: String(text), timeoutMs });
    if (!found()) throw new Error(`It ended without saying ${String(text)}. What it said:\n${all()}`);
  }
}

export interface Ending {
  /** 128 + the signal's number for one that a signal ended. */
  readonly code: number;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<Command>();

/** Starts `zk-lock` with these words. */
export function start(words: readonly string[], options: CommandOptions = {}): Command {
  return new Command(process.execPath, [CLI, ...words], options);
}

/** Runs `zk-lock` to its end. */
export function zkLock(words: readonly string[], options: CommandOptions = {}): Promise<Ending> {
  return start(words, options).ended;
}

/** Starts a command line (an argv) on a terminal of its own of 80 columns; what it shows there is its `stdout`. */
export function inTerminal(argv: readonly string[], options: CommandOptions = {}): Command {
  return new Command("python3", [TERMINAL, ...argv], options, true);
}

/** For afterEach: ends what a failed test has left running, kindly first, so that no session outlives it. */
export async function endAll(): Promise<void> {
  for (const command of running) {
    if (command.isRunning) command.signal("SIGCONT");
    if (command.isRunning) command.signal("SIGTERM");
    await until(() => !command.isRunning, { what: "the end", timeoutMs: 3_000 }).catch(() => command.signal("SIGKILL"));
    await command.ended;
  }
  running.clear();
}

/** The built program must be there: `npm test` builds it before the tests. */
export function assertBuilt(): void {
  if (!existsSync(CLI)) throw new Error(`${CLI} is not there: npm run build`);
}

/** Ours, without what would change how the program under test behaves. */
function cleanEnvironment(own: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(ZK_LOCK_|NODE_|JEST_)/.test(name));
  return { ...Object.fromEntries(inherited), ...own };
}
