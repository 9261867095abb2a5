import { setImmediate as nextMacrotask } from "node:timers/promises";
import ZooKeeper from "zookeeper";
import type { PackageClient } from "../src/zookeeper/client/client.js";
import type { Contender } from "./contender.js";

const EPHEMERAL_SEQUENTIAL = 3;
const PERSISTENT = 0;
const CONTAINER = 4;
const ANY_VERSION = -1;
const NODE_EXISTS = -110;
const SESSION_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * The least that a lock on the `zookeeper` package can do: take a ticket, look at the queue, delete the ticket. No promise is
 * kept when anything goes wrong; it is the ceiling to measure against.
 */
export class RawClient {
  readonly #client: PackageClient;
  readonly #directory: string;

  private constructor(client: PackageClient, directory: string) {
    this.#client = client;
    this.#directory = directory;
  }

  /** @param directory where the tickets go; made here, with all that is above it */
  static async connect(servers: string, directory: string): Promise<RawClient> {
    const config = { connect: servers, timeout: SESSION_TIMEOUT_MS, debug_level: 0 };
    const Client = ZooKeeper as unknown as new (config: object) => PackageClient;
    const client = new Client(config);
    await new Promise<void>((resolve, reject) => {
      const giveUp = (): void => reject(new Error(`No ZooKeeper answers at ${servers}.`));
      const alarm = setTimeout(giveUp, CONNECT_TIMEOUT_MS);
      client.on("connect", () => {
        clearTimeout(alarm);
        resolve();
      });
      client.init(config);
    });
    await nextMacrotask();
    const raw = new RawClient(client, directory);
    for (let end = directory.indexOf("/", 1); end > 0; end = directory.indexOf("/", end + 1)) {
      await raw.#make(directory.slice(0, end), CONTAINER);
    }
    // Not a container: the server would delete it while the others have their turns.
    await raw.#make(directory, PERSISTENT);
    return raw;
  }

  /** Create and list leave together, and both are awaited; then delete. */
  pipelined(): Contender {
    return this.#contender("raw client, create and list together", async () => {
      const [path] = await Promise.all([this.#takeTicket(), this.#list()]);
      await this.#delete(path);
    });
  }

  /** Create, list and delete, one after the other. */
  oneByOne(): Contender {
    return this.#contender("raw client, one call after the other", async () => {
      const path = await this.#takeTicket();
      await this.#list();
      await this.#delete(path);
    });
  }

  #contender(name: string, cycle: () => Promise<void>): Contender {
    return { name, cycle, close: () => this.#close() };
  }

  async #close(): Promise<void> {
    await this.#delete(this.#directory);
    // Not from within a callback of the client, which can end the process.
    await nextMacrotask();
    this.#client.close();
  }

  #takeTicket(): Promise<string> {
    return answer((done) =>
      this.#client.a_create(`${this.#directory}/ticket-lock-`, Buffer.alloc(0), EPHEMERAL_SEQUENTIAL, (code, _, path) =>
        done(code, path),
      ),
    );
  }

  #list(): Promise<unknown> {
    return answer((done) =>
      this.#client.a_get_children2(this.#directory, false, (code, _, children) => done(code, children)),
    );
  }

  #delete(path: string): Promise<unknown> {
    return answer((done) => this.#client.a_delete_(path, ANY_VERSION, (code) => done(code, null)));
  }

  #make(path: string, flags: number): Promise<unknown> {
    return answer((done) =>
      this.#client.a_create(path, Buffer.alloc(0), flags, (code) => done(code === NODE_EXISTS ? 0 : code, null)),
    );
  }
}

function answer<T>(send: (done: (code: number, value: T) => void) => number): Promise<T> {
  return new Promise((resolve, reject) => {
    const refuse = (code: number): void => reject(new Error(`ZooKeeper answered with code ${code}.`));
    const accepted = send((code, value) => (code === 0 ? resolve(value) : refuse(code)));
    if (accepted < 0) refuse(accepted);
  });
}
