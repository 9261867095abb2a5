import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fourLetterWord } from "./four-letter-word.mjs";
import { freePort } from "./free-port.mjs";
import { findJava } from "./java.mjs";
import { isStopped } from "./process-table.mjs";
import { reapWithUs } from "./reaper.mjs";
import { findZooKeeperJars } from "./zookeeper-jars.mjs";
import { writeServerFiles } from "./zookeeper-files.mjs";

/** For a server that lives some seconds a quick start is worth more than the optimising compiler. */
const JVM = ["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"];
const MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
const POLL_MS = 20;

/**
 * @typedef {object} ServerOptions
 * @property {number} [tickTimeMs] The server's unit of time; sessions last 2 ticks at least. Default 500.
 * @property {number} [minSessionTimeoutMs] The shortest session a client is given. Default: the server's own rule, 2 ticks.
 * @property {number} [maxSessionTimeoutMs] The longest session a client is given. Default 60,000.
 * @property {Readonly<Record<string, string | number | boolean>>} [config] More lines of `zoo.cfg`. They win over ours.
 * @property {Readonly<Record<string, string | number | boolean>>} [properties] Java system properties by their whole name:
 *   `znode.container.checkIntervalMs`, `zookeeper.forceSync` …
 * @property {readonly string[]} [jvmFlags] More flags for the Java machine; they come after ours, so they win.
 * @property {number} [port] The loopback port to serve clients on. Default: a free one.
 * @property {number} [id] The number of this member, where it is one of an ensemble (whose `server.N` are in `config`).
 * @property {"debug" | "info" | "warn" | "error"} [logLevel] How much the server writes into its log. Default `warn`.
 * @property {number} [startTimeoutMs] How long a start may take, in milliseconds. Default 60,000.
 */

/**
 * Starts a private ZooKeeper server on a free loopback port, in a temporary directory; resolves when it serves.
 * @param {ServerOptions} [options]
 * @returns {Promise<ZooKeeperServer>}
 */
export async function startZooKeeper(options = {}) {
  const server = new ZooKeeperServer({ ...options, port: options.port ?? (await freePort()) });
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** One server: its directory and port stay when its process goes, until `stop()`. */
export class ZooKeeperServer {
  #options;
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #child;
  #exited;
  #forget = () => {};

  /** @param {ServerOptions & { port: number }} options */
  constructor(options) {
    this.#options = options;
    this.port = options.port;
    this.host = "127.0.0.1";
    this.connectString = `${this.host}:${this.port}`;
    this.directory = mkdtempSync(join(tmpdir(), "zk-lock-server-"));
    this.logFile = join(this.directory, "server.log");
    writeServerFiles(this.directory, {
      id: options.id,
      logLevel: options.logLevel ?? "warn",
      config: {
        tickTime: options.tickTimeMs ?? 500,
        ...(options.minSessionTimeoutMs === undefined ? {} : { minSessionTimeout: options.minSessionTimeoutMs }),
        maxSessionTimeout: options.maxSessionTimeoutMs ?? 60_000,
        clientPort: this.port,
        clientPortAddress: this.host,
        maxClientCnxns: 0,
        "admin.enableServer": false,
        "4lw.commands.whitelist": "*",
        ...options.config,
      },
    });
  }

  /**
   * The number of the server's process; undefined while it does not run.
   * @returns {number | undefined}
   */
  get pid() {
    return this.#child?.pid;
  }

  /** Starts the process and waits until it serves clients. The error of a start that fails carries the end of the log. */
  async start() {
    this.launch();
    await this.serving();
  }

  /** Starts the process, and does not wait: a member of an ensemble serves only when a majority is there. */
  launch() {
    if (this.#child) throw new Error(`The ZooKeeper server ${this.connectString} is running already.`);
    const java = findJava();
    const jars = findZooKeeperJars();
    if (!java || !jars) {
      throw new Error("No Java or no ZooKeeper was found on this machine: `npm run setup` says what to do.");
    }
    const properties = { "zookeeper.preAllocSize": 1024, ...this.#options.properties };
    const log = openSync(this.logFile, "a");
    const child = spawn(
      java,
      [
        ...JVM,
        ...(this.#options.jvmFlags ?? []),
        ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
        "-cp",
        [this.directory, ...jars].join(delimiter),
        MAIN,
        join(this.directory, "zoo.cfg"),
      ],
      // Its own process group: Ctrl-C in a terminal must not end it before those who still want to say goodbye to it.
      { stdio: ["ignore", log, log], detached: true },
    );
    closeSync(log);
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once("error", resolve);
      child.once("exit", resolve);
    }).then(() => {
      this.#child = undefined;
      this.#forget();
    });
    if (child.pid !== undefined) {
      this.#forget = reapWithUs({ pid: child.pid, marker: this.directory, directory: this.directory });
    }
  }

  /** Resolves when the server says that it serves clients; rejects when it dies, or not by `startTimeoutMs` (60,000). */
  async serving() {
    const timeoutMs = this.#options.startTimeoutMs ?? 60_000;
    const deadline = performance.now() + timeoutMs;
    while (!(await this.isServing())) {
      const why = !this.#child
        ? "ended"
        : performance.now() > deadline
          ? `did not serve within ${timeoutMs} ms`
          : undefined;
      if (why)
        throw new Error(`The ZooKeeper server ${this.connectString} ${why}. The end of its log:\n${this.logTail()}`);
      await sleep(POLL_MS);
    }
  }

  /** @returns {Promise<boolean>} */
  async isServing() {
    // A server that is asked in the moment of its start can forget to answer; so one question must not take long.
    const status = await this.ask("srvr", { timeoutMs: 400 }).catch(() => "");
    return status.includes("Mode:");
  }

  /**
   * Asks a four-letter word. A paused server gives no answer: the promise rejects after `timeoutMs` (2,000).
   * @param {string} word
   * @param {{ timeoutMs?: number }} [options]
   * @returns {Promise<string>}
   */
  ask(word, { timeoutMs } = {}) {
    return fourLetterWord(word, { host: this.host, port: this.port, timeoutMs });
  }

  /**
   * Ends the process and waits for its end; directory and port stay, for `start()`.
   * @param {NodeJS.Signals} [signal]
   */
  async kill(signal = "SIGKILL") {
    const exited = this.#exited;
    if (!this.#child) return;
    this.#child.kill(signal);
    await exited;
  }

  /**
   * `kill()` and `start()` on the same port and data: sessions and nodes are there again.
   * @param {NodeJS.Signals} [signal]
   */
  async restart(signal = "SIGKILL") {
    await this.kill(signal);
    await this.start();
  }

  /** Stops the process as it is (SIGSTOP): its connections stay open, and nothing answers. Resolves when it stands. */
  async pause() {
    this.#signal("SIGSTOP");
    while (this.pid !== undefined && !isStopped(this.pid)) await sleep(1);
  }

  /** Lets a paused process go on (SIGCONT). */
  resume() {
    this.#signal("SIGCONT");
  }

  /** Ends the server for good and removes its directory. Twice is as good as once. */
  async stop() {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  /**
   * The last 30 lines of what the server wrote.
   * @returns {string}
   */
  logTail() {
    try {
      return readFileSync(this.logFile, "utf8").trimEnd().split("\n").slice(-30).join("\n");
    } catch {
      return "(it wrote none)";
    }
  }

  #signal(signal) {
    if (!this.#child) throw new Error(`The ZooKeeper server ${this.connectString} is not running.`);
    this.#child.kill(signal);
  }
}
