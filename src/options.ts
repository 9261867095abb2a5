import type { ConnectionOptions } from "node:tls";

/**
 * Who may enter a hold that is there already: any acquire and any body of the process (`process`), only code that runs
 * inside the holder's `using` (`task`), or nobody (`none`). Unset, it depends on how the hold was taken: what a bare
 * `acquire()` took belongs to the process, and what `using` or `hold()` took to that body or object alone.
 */
export type Reentrancy = "process" | "task" | "none";

/** Who we are to ZooKeeper; our directories get an ACL that lets nobody else in. */
export type Auth = DigestAuth | CertificateAuth;

/** A user with a password. */
export interface DigestAuth {
  /** How ZooKeeper checks who we are: by name and password. */
  scheme: "digest";
  /** The user and the password, as `user:password`. */
  credentials: string;
}

/** The owner of the client certificate in the `tls` option. */
export interface CertificateAuth {
  /** How ZooKeeper checks who we are: by the certificate of the connection. */
  scheme: "x509";
}

/**
 * Node's own options of TLS. The names of the servers are checked as they were given, unless `servername` says another
 * one.
 */
export type TlsOptions = Pick<
  ConnectionOptions,
  "ca" | "cert" | "key" | "passphrase" | "pfx" | "servername" | "rejectUnauthorized"
>;

/** The options of `createLock`, `createReadWriteLock` and `createMultiLock`. */
export interface LockOptions {
  /** The path under which the directory of the resource is made. Default: the manager's `rootDir`. */
  rootDir?: string | undefined;
  /**
   * How long an acquire waits at the most, in milliseconds. 0: it takes the lock only if it is free now.
   * Default: the manager's `acquireTimeout`.
   */
  acquireTimeout?: number | undefined;
  /** True: `acquire()` rejects with AlreadyLockedError instead of waiting. Default: false. */
  failImmediate?: boolean | undefined;
  /**
   * Who may enter a hold of this process. Default: unset, so a hold of a bare `acquire()` belongs to the whole process,
   * and bodies of `using` exclude each other. With "process", concurrent bodies share one hold and do not exclude each
   * other. Semaphores have the default "none".
   */
  reentrancy?: Reentrancy | undefined;
}

/** The options of `createSemaphore`. */
export interface SemaphoreOptions extends LockOptions {
  /**
   * How many may hold at a time: a whole number of at least 1. The limit is stored with the resource, and all callers
   * must ask for the same one.
   */
  maxConcurrentHolders: number;
  /**
   * True: a stored limit that differs is replaced by `maxConcurrentHolders`, for everybody. False: the acquire rejects
   * with LimitMismatchError. Default: false.
   */
  replaceLimit?: boolean | undefined;
}

/** The options of `new ZkLockManager()`. */
export interface ManagerOptions {
  /** The path under which the directories of resources are made. Default: "/locks". */
  rootDir?: string | undefined;
  /**
   * How long an acquire waits at the most, in milliseconds. 0: it takes the lock only if it is free now.
   * Default: no limit.
   */
  acquireTimeout?: number | undefined;
  /**
   * What our tickets say of us to others, beside `host` and `pid`, which it may replace. At most 1,024 bytes of JSON.
   * Default: only `host` and `pid`.
   */
  identity?: Record<string, string | number> | undefined;
  /** The ZooKeeper user that the manager works as. Default: none, and its directories are open to everybody. */
  auth?: Auth | undefined;
  /**
   * The sequence number past which a directory is retired, and its successor begun. Default: 2,000,000,000. Only tests
   * make it smaller.
   */
  sequenceLimit?: number | undefined;
}

/** The options of `ZkLockManager.connect`. */
export interface ConnectOptions extends ManagerOptions {
  /**
   * The session timeout to ask for, in milliseconds, up to 2,147,483,647. The server may give another one: see
   * `session.timeoutMs`. Default: 10,000.
   */
  sessionTimeout?: number | undefined;
  /** How long `connect` tries until it rejects with ConnectError, in milliseconds. Default: 10,000. */
  connectTimeout?: number | undefined;
  /**
   * Our own client, or that of the `zookeeper` package, which has to be installed. Default: "zookeeper"; with `tls`:
   * "wire".
   */
  client?: "wire" | "zookeeper" | undefined;
  /**
   * Connects over TLS, with Node's trusted authorities (`true`) or as the options say. Not with the `zookeeper`
   * package. Default: without.
   */
  tls?: true | TlsOptions | undefined;
}

/** The options of `acquire`, `hold` and `using`. */
export interface AcquireOptions {
  /**
   * How long the call waits at the most, in milliseconds, all told. 0: it takes the lock only if it is free now.
   * Default: the lock's `acquireTimeout`.
   */
  timeout?: number | undefined;
  /** An abort ends the wait, and the call rejects with the signal's reason. Default: none. */
  signal?: AbortSignal | undefined;
}

/** The options of `slot`. */
export interface SlotOptions {
  /** An abort ends the wait, and the call rejects with the signal's reason. Default: none. */
  signal?: AbortSignal | undefined;
}

export const DEFAULT_ROOT_DIR = "/locks";
export const DEFAULT_SESSION_TIMEOUT_MS = 10_000;
export const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
