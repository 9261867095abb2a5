import { afterAll, afterEach, beforeAll } from "@jest/globals";
import { randomBytes } from "node:crypto";
import { setImmediate as nextMacrotask } from "node:timers/promises";
import {
  type AcquireTimeoutError,
  type ConnectOptions,
  type LockError,
  type ManagerOptions,
  type ZkLock,
  ZkLockManager,
} from "../../src/index.js";
import { queueOf } from "../../src/zookeeper/nodes/ticket-names.js";
import type { PackageClient } from "../../src/zookeeper/client/client.js";
import { noLeaks } from "./leaks.js";
import { startWorker, type WorkerProcess } from "./processes.js";
import { RawClient } from "./raw-client.js";
import { watchedPaths } from "./server-statistics.js";
import { TcpProxy } from "./tcp-proxy.js";
import { until } from "./until.js";
import { ZooKeeper } from "./zookeeper-package.js";
import type { api as holderApi } from "./workers/holder.js";

/** The run's own server. */
export const SERVER = process.env["ZK_TEST_CONNECT"] ?? "";
/** Long enough to survive a busy machine, short enough to be waited for. */
export const SESSION_MS = 4_000;
/** Which client the managers connect with: ZK_TEST_CLIENT=wire runs the tests on our own. */
const CLIENT = process.env["ZK_TEST_CLIENT"];
const WITH_CLIENT: ConnectOptions = CLIENT === "wire" || CLIENT === "zookeeper" ? { client: CLIENT } : {};

export type Holder = WorkerProcess<typeof holderApi>;

/** What a test of the core works with; what it makes here is cleared away after it, the latest first. */
export class Setting {
  /** All locks of a test file are below it. */
  readonly root = `/core-${randomBytes(6).toString("hex")}`;
  /** Looks from outside, with nothing of the library in between. */
  raw!: RawClient;
  /** What managers raised as `error`: a test that expects some takes it out, or it fails. */
  readonly errors: LockError[] = [];
  readonly #cleanUps: (() => unknown)[] = [];
  #resources = 0;

  later(cleanUp: () => unknown): void {
    this.#cleanUps.push(cleanUp);
  }

  /** A manager with a session of its own, through `servers`. */
  async manager(options: ConnectOptions = {}, servers = SERVER): Promise<ZkLockManager> {
    return this.keep(
      await ZkLockManager.connect(servers, {
        rootDir: this.root,
        sessionTimeout: SESSION_MS,
        ...WITH_CLIENT,
        ...options,
      }),
    );
  }

  /** A manager that has been given `client`. */
  adopting(client: PackageClient, options: ManagerOptions = {}): ZkLockManager {
    return this.keep(new ZkLockManager({ rootDir: this.root, ...options }).init(client));
  }

  keep(manager: ZkLockManager): ZkLockManager {
    manager.on("error", (error) => this.errors.push(error));
    this.later(() => manager.close());
    return manager;
  }

  /** A manager behind a network of its own that can be made to fail. */
  async proxied(options: ConnectOptions = {}): Promise<{ proxy: TcpProxy; manager: ZkLockManager }> {
    const proxy = await this.proxy();
    const manager = await this.manager(options, proxy.connectString);
    // Through a dead network a goodbye takes its time.
    this.later(() => Promise.all([proxy.resume(), proxy.reopen()]));
    return { proxy, manager };
  }

  async proxy(target = SERVER): Promise<TcpProxy> {
    const proxy = await TcpProxy.listen(target);
    this.later(() => proxy.dispose());
    return proxy;
  }

  /** A client as a user makes it, not started. It is closed after the test, whoever started it. */
  client(servers = SERVER, timeout = SESSION_MS): PackageClient {
    const client = new ZooKeeper({ connect: `${servers},${servers},${servers}`, timeout, debug_level: 0 });
    this.later(() => closeClient(client));
    return client;
  }

  /** The same, and in touch. */
  async connectedClient(servers = SERVER, timeout = SESSION_MS): Promise<PackageClient> {
    const client = this.client(servers, timeout);
    client.init({});
    await until(() => client.state === 3, { what: "the client to connect" });
    return client;
  }

  /** A process of its own with a manager in it. */
  async holder(options: ConnectOptions = {}, servers = SERVER): Promise<Holder> {
    const worker = await startWorker<typeof holderApi>(new URL("workers/holder.ts", import.meta.url));
    this.later(() => worker.kill());
    await worker.call("connect", servers, {
      rootDir: this.root,
      sessionTimeout: SESSION_MS,
      ...WITH_CLIENT,
      ...options,
    });
    return worker;
  }

  /** A name that no other test has. */
  resource(): string {
    this.#resources += 1;
    return `resource-${this.#resources}`;
  }

  directory(resource: string): string {
    return `${this.root}/${resource}`;
  }

  /** The names of a resource's tickets, in queue order. */
  async tickets(resource: string): Promise<string[]> {
    return queueOf(await this.raw.children(this.directory(resource))).map(({ name }) => name);
  }

  /** Resolves when so many tickets are in the queue. */
  async queueOf(resource: string, length: number): Promise<string[]> {
    let tickets: string[] = [];
    await until(async () => (tickets = await this.tickets(resource)).length === length, {
      what: `${length} tickets of ${resource}`,
    });
    return tickets;
  }

  /** The watched tickets of a resource, each with the number of sessions that watch it. */
  async watches(resource: string): Promise<Map<string, number>> {
    const prefix = `${this.directory(resource)}/`;
    const watched = [...(await watchedPaths(SERVER))].filter(([path]) => path.startsWith(prefix));
    return new Map(watched.map(([path, sessions]) => [path.slice(prefix.length), sessions]));
  }

  async cleanUp(): Promise<void> {
    for (let next = this.#cleanUps.pop(); next !== undefined; next = this.#cleanUps.pop()) await next();
    const unexpected = this.errors.splice(0);
    if (unexpected.length > 0) throw new AggregateError(unexpected, `A manager raised: ${unexpected.join("; ")}`);
  }
}

/** To be called once at the head of a test file. */
export function useSetting(): Setting {
  const setting = new Setting();
  beforeAll(async () => {
    // With patience: some tests, and the client's own close(), block this process for seconds.
    setting.raw = await RawClient.connect(SERVER, 60_000);
  });
  afterEach(() => setting.cleanUp());
  afterEach(noLeaks({ root: setting.root }));
  afterAll(async () => {
    await setting.raw.deleteall(setting.root);
    await setting.raw.close();
  });
  return setting;
}

/** Closes a client as its owner would; never from within one of its callbacks, which can end the process. */
export async function closeClient(client: PackageClient): Promise<void> {
  await nextMacrotask();
  // What has never been started, or has been closed, has no timeout. (Its state is 0 between two attempts to connect, too.)
  if (client.timeout >= 0) client.close();
}

/** Ends a client's session on the run's own server, which then does what it does at the timeout. */
export async function endSessionOf({
  client_id,
  client_password,
}: Pick<PackageClient, "client_id" | "client_password">): Promise<void> {
  // A client that comes with the session's own password may end it.
  const heir = new ZooKeeper({ connect: SERVER, timeout: SESSION_MS, debug_level: 0, client_id, client_password });
  heir.init({});
  await until(() => heir.state === 3, { what: "the session to be taken over" });
  await closeClient(heir);
}

/** The error that a promise is rejected with; fails if it is not. */
export async function rejection<T extends Error>(promise: Promise<unknown>): Promise<T> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in outcome) return outcome.error as T;
  throw new Error(`Expected a rejection, and it resolved with ${String(outcome.value)}.`);
}

/** Resolves with what `acquire` of a lock that somebody else holds rejects with after `timeout` milliseconds. */
export function timeoutOf(lock: ZkLock, timeout: number): Promise<AcquireTimeoutError> {
  return rejection<AcquireTimeoutError>(lock.acquire({ timeout }));
}

/** The sequence number in a ticket's name. */
export function sequenceOf(ticket: string): number {
  return Number(ticket.slice(-10));
}

/** The events of a lock, as they come. */
export function journal(lock: ZkLock): string[] {
  const heard: string[] = [];
  lock.on("queued", ({ ahead }) => heard.push(`queued behind ${ahead}`));
  lock.on("acquired", () => heard.push("acquired"));
  lock.on("released", () => heard.push("released"));
  lock.on("suspended", () => heard.push("suspended"));
  lock.on("resumed", () => heard.push("resumed"));
  lock.on("lost", ({ reason }) => heard.push(`lost: ${reason}`));
  return heard;
}
