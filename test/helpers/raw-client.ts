import { setImmediate as nextMacrotask } from "node:timers/promises";
import type { PackageClient, Stat } from "../../src/zookeeper/client/client.js";
import { until } from "./until.js";
import { ZooKeeper } from "./zookeeper-package.js";

const CONNECTED = 3;
const NO_NODE = -101;
const NOT_EMPTY = -111;
const EVERY_VERSION = -1;

/** The flags of `create`. */
export const PERSISTENT = 0;
export const EPHEMERAL = 1;
export const SEQUENCE = 2;
export const CONTAINER = 4;

/** A code other than 0 from the server or the client; `code` is ZooKeeper's (-101 is "no node"). */
export class RawError extends Error {
  override readonly name = "RawError";
  readonly code: number;

  constructor(code: number, call: string) {
    super(`${call} gave ${code}`);
    this.code = code;
  }
}

const open = new Set<RawClient>();

/** The clients that nobody has closed: one left over at the end of a test is a leak. */
export function openRawClients(): readonly RawClient[] {
  return [...open];
}

/** Looks at the server from outside, with nothing of the library in between. Paths are absolute. */
export class RawClient {
  /** The client itself, for what is not here. */
  readonly client: PackageClient;

  private constructor(client: PackageClient) {
    this.client = client;
    open.add(this);
  }

  /** Connects to `servers` (default: the run's own server) within ten seconds; `timeout` of the session in milliseconds. */
  static async connect(servers = process.env["ZK_TEST_CONNECT"] ?? "", timeout = 10_000): Promise<RawClient> {
    // Any number of partial replies is all right: the client's own limit would end the session behind a slow proxy.
    // And a lone address stands there three times, or the client would try it again only each third of the session's time.
    const connect = servers.includes(",") ? servers : `${servers},${servers},${servers}`;
    const config = { connect, timeout, debug_level: 0, response_counter_limit: 2 ** 31 - 1 };
    const raw = new RawClient(new ZooKeeper(config));
    raw.client.init(config);
    try {
      await until(() => raw.client.state === CONNECTED, { what: `a connection to ${servers}` });
    } catch (error) {
      await raw.close();
      throw error;
    }
    return raw;
  }

  get sessionId(): string {
    return this.client.client_id;
  }

  /** Resolves with the path that the node got, which differs from `path` for a sequential one. */
  create(path: string, data = "", flags = PERSISTENT): Promise<string> {
    return this.#call(`create ${path}`, (done) =>
      this.client.a_create(path, Buffer.from(data), flags, (code, _message, made) => done(code, made)),
    );
  }

  /** Creates the directory and those above it, as plain nodes, as far as they are missing. */
  async mkdirp(path: string): Promise<void> {
    const names = path.split("/").slice(1);
    for (let depth = 1; depth <= names.length; depth += 1) {
      const level = `/${names.slice(0, depth).join("/")}`;
      if (!(await this.exists(level))) await this.create(level);
    }
  }

  /** The names of the children, sorted; none for a node that is not there. */
  children(path: string): Promise<string[]> {
    const names = this.#call<string[]>(`children of ${path}`, (done) =>
      this.client.a_get_children2(path, false, (code, _message, found) => done(code, found?.sort())),
    );
    return unlessMissing(names, []);
  }

  get(path: string): Promise<{ data: Buffer; stat: Stat }> {
    return this.#call(`get ${path}`, (done) =>
      this.client.a_get(path, false, (code, _message, stat, data) =>
        done(code, stat ? { stat, data: data ?? Buffer.alloc(0) } : undefined),
      ),
    );
  }

  /** The node's stat, or null where there is none. */
  stat(path: string): Promise<Stat | null> {
    return unlessMissing(
      this.get(path).then(({ stat }) => stat as Stat | null),
      null,
    );
  }

  async exists(path: string): Promise<boolean> {
    return (await this.stat(path)) !== null;
  }

  async set(path: string, data: string): Promise<void> {
    await this.#call(`set ${path}`, (done) =>
      this.client.a_set(path, Buffer.from(data), EVERY_VERSION, (code) => done(code, true)),
    );
  }

  /** Deletes one node; a node that is not there is an error. */
  async delete(path: string): Promise<void> {
    await this.#call(`delete ${path}`, (done) =>
      this.client.a_delete_(path, EVERY_VERSION, (code) => done(code, true)),
    );
  }

  /** Deletes the node and all below it. What others create or delete meanwhile does not disturb it. */
  async deleteall(path: string): Promise<void> {
    for (const name of await this.children(path)) await this.deleteall(`${path === "/" ? "" : path}/${name}`);
    try {
      await this.delete(path);
    } catch (error) {
      if (error instanceof RawError && error.code === NOT_EMPTY) return this.deleteall(path);
      if (!(error instanceof RawError && error.code === NO_NODE)) throw error;
    }
  }

  /** Ends the session. Never from within a callback of the client, which can end the process instead: hence the wait. */
  async close(): Promise<void> {
    if (!open.delete(this)) return;
    await nextMacrotask();
    this.client.close();
  }

  #call<T>(call: string, send: (done: (code: number, answer: T | undefined) => void) => number): Promise<T> {
    return new Promise((resolve, reject) => {
      const sent = send((code, answer) => {
        if (code === 0 && answer !== undefined) resolve(answer);
        else reject(new RawError(code, call));
      });
      // A negative value means that the callback never comes.
      if (sent < 0) reject(new RawError(sent, call));
    });
  }
}

async function unlessMissing<T>(read: Promise<T>, missing: T): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof RawError && error.code === NO_NODE) return missing;
    throw error;
  }
}
