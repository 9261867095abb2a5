export interface ServerOptions {
  /** The server's unit of time, in milliseconds; sessions last 2 ticks at least. Default 500. */
  tickTimeMs?: number;
  /** The shortest session a client is given, in milliseconds. Default: the server's own rule, 2 ticks. */
  minSessionTimeoutMs?: number;
  /** The longest session a client is given, in milliseconds. Default 60,000. */
  maxSessionTimeoutMs?: number;
  /** More lines of `zoo.cfg`, such as `snapCount`. They win over ours. */
  config?: Readonly<Record<string, string | number | boolean>>;
  /** Java system properties by their whole name: `znode.container.checkIntervalMs`, `zookeeper.forceSync` … */
  properties?: Readonly<Record<string, string | number | boolean>>;
  /** More flags for the Java machine; they come after ours, so they win. */
  jvmFlags?: readonly string[];
  /** The loopback port to serve clients on. Default: a free one. */
  port?: number;
  /** The number of this member, where the server is one of an ensemble (whose `server.N` lines are in `config`). */
  id?: number;
  /** How much the server writes into its log. Default `warn`. */
  logLevel?: "debug" | "info" | "warn" | "error";
  /** How long a start may take, in milliseconds. Default 60,000. */
  startTimeoutMs?: number;
}

/** Starts a private ZooKeeper server on a free loopback port, in a temporary directory; resolves when it serves. */
export function startZooKeeper(options?: ServerOptions): Promise<ZooKeeperServer>;

/** One server: its directory and port stay when its process goes, until `stop()`. */
export class ZooKeeperServer {
  constructor(options: ServerOptions & { port: number });
  readonly host: string;
  readonly port: number;
  /** `127.0.0.1:<port>` */
  readonly connectString: string;
  readonly directory: string;
  readonly logFile: string;
  /** The number of the server's process; undefined while it does not run. */
  get pid(): number | undefined;
  /** Starts the process and waits until it serves clients. The error of a start that fails carries the end of the log. */
  start(): Promise<void>;
  /** Starts the process, and does not wait: a member of an ensemble serves only when a majority is there. */
  launch(): void;
  /** Resolves when the server says that it serves clients; rejects when it dies, or not by `startTimeoutMs` (60,000). */
  serving(): Promise<void>;
  isServing(): Promise<boolean>;
  /** Asks a four-letter word. A paused server gives no answer: the promise rejects after `timeoutMs` (2,000). */
  ask(word: string, options?: { timeoutMs?: number }): Promise<string>;
  /** Ends the process (SIGKILL unless told) and waits for its end; directory and port stay, for `start()`. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** `kill()` and `start()` on the same port and data: sessions and nodes are there again. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** Stops the process as it is (SIGSTOP): its connections stay open, and nothing answers. Resolves when it stands. */
  pause(): Promise<void>;
  /** Lets a paused process go on (SIGCONT). */
  resume(): void;
  /** Ends the server for good and removes its directory. Twice is as good as once. */
  stop(): Promise<void>;
  /** The last 30 lines of what the server wrote. */
  logTail(): string;
}
