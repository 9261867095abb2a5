import { hostname } from "node:os";
import type { LockError, ZkLockManager } from "../index.js";
import { takeAuth } from "./auth.js";
import type { Notes } from "./terminal/notes.js";

/** Where the locks are, and how to get there. */
export interface Place {
  readonly servers: string;
  readonly root: string;
  /** Holds who we are there; where it is not given, ZK_LOCK_AUTH may. */
  readonly authFile?: string | undefined;
}

export interface ConnectionOptions {
  /** The name under which others see us. */
  readonly id?: string;
  readonly sessionTimeoutMs?: number | undefined;
  readonly connectTimeoutMs?: number | undefined;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

/** The library's values. They are loaded here alone, when a command needs them: help and a wrong command line do without. */
export const library = () => import("../index.js");

/** Connects, and tells of what becomes of the connection. @throws ConnectError, AccessDeniedError, InvalidArgumentError, Problem 64 */
export async function connect(place: Place, options: ConnectionOptions, notes: Notes): Promise<ZkLockManager> {
  const auth = takeAuth(place.authFile, notes);
  const host = hostname();
  notes.detail(`connecting to ${place.servers}`);
  const { ZkLockManager } = await library();
  const manager = await ZkLockManager.connect(place.servers, {
    rootDir: place.root,
    identity: { host, pid: process.pid, id: options.id ?? host },
    connectTimeout: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    ...(auth && { auth }),
    ...(options.sessionTimeoutMs !== undefined && { sessionTimeout: options.sessionTimeoutMs }),
  });
  manager.on("error", (error: LockError) => notes.detail(error.message));
  manager.on("suspended", () => notes.detail("out of touch with ZooKeeper; the lease is running"));
  manager.on("connected", () => notes.detail("in touch with ZooKeeper again"));
  manager.on("lost", () => notes.detail("the session is lost"));
  const { id, timeoutMs } = manager.session;
  notes.detail(`connected; the session ${id} ends after ${timeoutMs / 1000} s of silence`);
  return manager;
}

/** Runs `body` with a connection that is closed on every way out. */
export async function withManager<T>(
  place: Place,
  notes: Notes,
  body: (manager: ZkLockManager) => Promise<T>,
): Promise<T> {
  const manager = await connect(place, {}, notes);
  try {
    return await body(manager);
  } finally {
    await manager.close();
  }
}
