import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, openSync, closeSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { reapWithUs } from "../../../scripts/lib/reaper.mjs";
import { type Account, directoryFor } from "../directory-for.js";
import { until } from "../until.js";

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

export interface DatabaseServer {
  /** `postgres://…`, `mysql://…` or `redis://…` */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

export interface DatabaseOptions {
  /** Forces each commit to disk, as in production. Default false: no test outlives a power cut. */
  durable?: boolean;
}

export interface DatabaseProcessOptions {
  /** A word for the directory's name and for errors. */
  readonly name: string;
  /** The system user to become if we are root. */
  readonly user: string;
  /** Makes the data, before the server starts. */
  readonly prepare?: (server: DatabaseProcess) => void;
  readonly command: (directory: string) => readonly [program: string, ...args: string[]];
  readonly isReady: () => Promise<boolean>;
}

/** One database server of the tests: a child process, with a temporary directory of its own. */
export class DatabaseProcess {
  readonly directory: string;
  /** PostgreSQL and MariaDB refuse to run as root, so root starts them as their own user. */
  readonly account: Account;
  readonly #options: DatabaseProcessOptions;
  readonly #log: string;
  #child: ChildProcess | undefined;
  #forget: () => void = () => undefined;

  constructor(options: DatabaseProcessOptions) {
    this.#options = options;
    this.account = process.getuid?.() === 0 ? accountOf(options.user) : {};
    this.directory = directoryFor(this.account, `zk-lock-${options.name}-`);
    this.#log = join(this.directory, "server.log");
  }

  /** Starts the server, and waits until it answers. */
  async start(): Promise<this> {
    try {
      this.#options.prepare?.(this);
      this.#spawn();
      const ready = () => {
        if (this.#child?.exitCode !== null) throw new Error("It ended.");
        return this.#options.isReady();
      };
      await until(ready, { what: `${this.#options.name} to answer`, timeoutMs: START_TIMEOUT_MS, everyMs: 50 });
      return this;
    } catch (error) {
      const log = existsSync(this.#log) ? readFileSync(this.#log, "utf8").slice(-4_000) : "";
      await this.stop();
      throw new Error(`${this.#options.name} could not be started.\n${log}`, { cause: error });
    }
  }

  /** Runs a program to its end as the server's user. */
  run(program: string, ...args: string[]): void {
    execFileSync(program, args, { ...this.#surroundings(), stdio: "pipe" });
  }

  /** Ends the server (QUIT, then KILL) and removes its directory. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGQUIT");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await gone;
      clearTimeout(timer);
    }
    this.#forget();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Its user, and one directory for all that it writes: our own TMPDIR may be closed to it. */
  #surroundings() {
    return { ...this.account, cwd: this.directory, env: { ...process.env, TMPDIR: this.directory } };
  }

  #spawn(): void {
    const [program, ...args] = this.#options.command(this.directory);
    const log = openSync(this.#log, "a", 0o666);
    try {
      this.#child = spawn(program, args, { ...this.#surroundings(), stdio: ["ignore", log, log] });
    } finally {
      closeSync(log);
    }
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${program} could not be started.`);
    this.#forget = reapWithUs({ pid, marker: this.directory, directory: this.directory });
  }
}

function accountOf(user: string): Account {
  const id = (flag: string): number => Number(execFileSync("id", [flag, user], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

/** Where a program is: on the PATH, in /usr/sbin, or in one of `more`; an error that names its package otherwise. */
export function findProgram(name: string, debianPackage: string, more: readonly string[] = []): string {
  const directories = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", ...more];
  const found = directories.map((directory) => join(directory, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not there: install it, in Debian the package ${debianPackage}.`);
  return found;
}

/** PostgreSQL's programs are in a directory for each version; the newest comes first. */
export function postgresDirectories(): string[] {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return [];
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(root, version, "bin"));
}
