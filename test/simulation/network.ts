import type { ClientSource } from "../../src/zookeeper/session/client-source.js";
import type { InMemoryClient, InMemoryZooKeeper, ProcessClock, VirtualClock } from "../../src/testing/index.js";

/** As the package's client, it shows the binding behind it: so a dead socket is noticed at once. */
type OwnClient = InMemoryClient & { native?: InMemoryClient };
type Way = "both" | "up" | "down";
/** What `InMemoryZooKeeper.dropReply` can lose. */
export type Droppable = "create" | "delete" | "children" | "any";

const SESSION_TIMEOUT_MS = 4_000;

/** What stands between one process and the servers. It stays as it is when the process changes its client. */
export class Network {
  client: OwnClient;
  clientEnded = false;
  #server: number;
  #cutUntilMs = 0;
  #blocked: Way | null = null;
  #delayMs = 0;

  constructor(
    private readonly zk: InMemoryZooKeeper,
    private readonly world: VirtualClock,
    private readonly clock: ProcessClock,
    server: number,
  ) {
    this.#server = server;
    this.client = this.freshClient();
  }

  /** A client that has not been started, as the network's next. */
  freshClient(credentials: { client_id?: string; client_password?: string } = {}): InMemoryClient {
    const { zk, clock } = this;
    const client = zk.client({ clock, timeout: SESSION_TIMEOUT_MS, server: this.#server, ...credentials });
    this.clientEnded = false;
    client.on("close", () => (this.clientEnded ||= client === this.client));
    this.client = client;
    const cutForMs = this.#cutUntilMs - this.world.monotonicMs();
    if (cutForMs > 0) zk.disconnect(client, { forMs: cutForMs });
    if (this.#blocked !== null) zk.partition(client, this.#blocked);
    zk.delay(client, this.#delayMs);
    return client;
  }

  /** Clients for a manager that owns its sessions, as those of `ZkLockManager.connect` are. */
  source(): ClientSource {
    return {
      takeOver: "at-once",
      next: () => Promise.resolve(this.#ownClient()),
      resume: ({ id, password }) => Promise.resolve(this.#ownClient({ client_id: id, client_password: password })),
      windowMs: () => 1_000,
    };
  }

  /** `trap`: for a client of the manager's own, which it may close. */
  cut(forMs: number, trap: boolean): void {
    this.#cutUntilMs = this.world.monotonicMs() + forMs;
    this.zk.disconnect(this.client, { forMs, trap: trap && this.client.native !== undefined });
  }

  block(way: Way): void {
    this.#blocked = way;
    this.zk.partition(this.client, way);
  }

  unblock(): void {
    this.#blocked = null;
    this.zk.heal(this.client);
  }

  delay(replyMs: number): void {
    this.#delayMs = replyMs;
    this.zk.delay(this.client, replyMs);
  }

  dropReply(operation: Droppable, keepOpen: boolean): void {
    this.zk.dropReply(this.client, operation, { keepOpen });
  }

  attach(server: number): void {
    this.#server = server;
    this.zk.attach(this.client, server);
  }

  expire(): void {
    this.zk.expire(this.client);
  }

  #ownClient(credentials?: { client_id: string; client_password: string }): OwnClient {
    const client: OwnClient = this.freshClient(credentials);
    client.native = client;
    return client.init();
  }

  /** Ends all that is wrong with it. */
  heal(): void {
    this.#cutUntilMs = 0;
    this.unblock();
    this.delay(0);
    this.zk.reconnect(this.client);
  }
}
