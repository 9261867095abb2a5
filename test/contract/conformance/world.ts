import { randomUUID } from "node:crypto";
import { InMemoryClient, InMemoryZooKeeper } from "../../../src/testing/index.js";
import type { ClientConfig } from "../../../src/zookeeper/client/client.js";
import { TcpProxy } from "../../helpers/tcp-proxy.js";
import { until } from "../../helpers/until.js";
import { ZooKeeper } from "../../helpers/zookeeper-package.js";
import { Actor, type FullClient } from "./actor.js";

/** Where a scenario plays. What is done to an actor is done to its network. */
export interface World {
  /** A connected client; `of` another actor: one that takes its session over. */
  actor(options?: { of?: Actor; timeoutMs?: number }): Promise<Actor>;
  /** As `actor`, started but not waited for. */
  stranger(of: { id: string; password: string }): Actor;
  /** The connection breaks, and a new one is welcome. */
  cut(actor: Actor): Promise<void>;
  /** The connection breaks, and there is no new one until `back`. */
  away(actor: Actor): Promise<void>;
  back(actor: Actor): Promise<void>;
  /** Replies do not arrive until the next cut. */
  holdReplies(actor: Actor): Promise<void>;
  swallow(actor: Actor, operation: "create" | "delete", keepOpen: boolean): Promise<void>;
  /** Empty containers are deleted, and the one named is gone. */
  reap(witness: Actor, name: string): Promise<void>;
  end(): Promise<void>;
}

const SESSION_TIMEOUT_MS = 4_000;

abstract class Stage {
  protected readonly base = `/conformance-${randomUUID()}`;
  readonly actors: Actor[] = [];

  protected abstract open(config: ClientConfig): Promise<FullClient> | FullClient;

  async actor({ of, timeoutMs = SESSION_TIMEOUT_MS }: { of?: Actor; timeoutMs?: number } = {}): Promise<Actor> {
    const credentials = of && { client_id: of.client.client_id, client_password: of.client.client_password };
    const actor = new Actor(await this.open({ timeout: timeoutMs, ...credentials }), this.base);
    this.actors.push(actor);
    await actor.start();
    if (this.actors.length === 1) await actor.create("");
    return actor;
  }
}

/** The `zookeeper` package and a real server, with a proxy for each client. */
export class RealWorld extends Stage implements World {
  readonly #proxies = new Map<FullClient, TcpProxy>();

  constructor(private readonly servers: string) {
    super();
  }

  protected async open(config: ClientConfig): Promise<FullClient> {
    const proxy = await TcpProxy.listen(this.servers);
    const client = this.#make(proxy.connectString, config);
    this.#proxies.set(client, proxy);
    return client;
  }

  stranger({ id, password }: { id: string; password: string }): Actor {
    const config = { client_id: id, client_password: password, timeout: SESSION_TIMEOUT_MS };
    const actor = new Actor(this.#make(this.servers, config), this.base);
    this.actors.push(actor);
    actor.client.init({});
    return actor;
  }

  async cut(actor: Actor): Promise<void> {
    await this.#proxy(actor).cut();
    await this.#proxy(actor).resume();
  }

  async away(actor: Actor): Promise<void> {
    await this.#proxy(actor).close();
    await this.#proxy(actor).cut();
  }

  back(actor: Actor): Promise<void> {
    return this.#proxy(actor).reopen();
  }

  holdReplies(actor: Actor): Promise<void> {
    return this.#proxy(actor).pause("toClient");
  }

  async swallow(actor: Actor, operation: "create" | "delete", keepOpen: boolean): Promise<void> {
    await this.#proxy(actor).swallowReply(operation, { keepOpen });
  }

  async reap(witness: Actor, name: string): Promise<void> {
    const isGone = (): Promise<boolean> =>
      new Promise((resolve) => witness.client.a_exists(witness.at(name), false, (code) => resolve(code === -101)));
    await until(isGone, { what: "the empty container to go", everyMs: 100 });
  }

  async end(): Promise<void> {
    for (const actor of this.actors) await actor.close();
    for (const proxy of this.#proxies.values()) {
      await until(async () => (await proxy.connections()) === 0, { what: "the closed clients' connections to go" });
      await proxy.dispose();
    }
  }

  #make(address: string, config: ClientConfig): FullClient {
    // Listed three times, a lone address is tried again at once.
    const connect = [address, address, address].join(",");
    return new ZooKeeper({ ...config, connect, debug_level: 0, response_counter_limit: 2 ** 31 - 1 });
  }

  #proxy(actor: Actor): TcpProxy {
    const proxy = this.#proxies.get(actor.client);
    if (proxy === undefined) throw new Error("This actor has no proxy.");
    return proxy;
  }
}

/** The in-memory ensemble, on real time. */
export class MemoryWorld extends Stage implements World {
  readonly zk = new InMemoryZooKeeper({ tickTimeMs: 500 });

  protected open(config: ClientConfig): FullClient {
    return this.zk.client(config);
  }

  stranger({ id, password }: { id: string; password: string }): Actor {
    const actor = new Actor(this.zk.client({ client_id: id, client_password: password }), this.base);
    this.actors.push(actor);
    actor.client.init({});
    return actor;
  }

  cut(actor: Actor): Promise<void> {
    this.zk.disconnect(inMemory(actor), { forMs: 0, inFlight: "arrive" });
    this.zk.heal(inMemory(actor));
    return Promise.resolve();
  }

  away(actor: Actor): Promise<void> {
    this.zk.disconnect(inMemory(actor), { inFlight: "arrive" });
    return Promise.resolve();
  }

  back(actor: Actor): Promise<void> {
    this.zk.reconnect(inMemory(actor));
    return Promise.resolve();
  }

  holdReplies(actor: Actor): Promise<void> {
    this.zk.partition(inMemory(actor), "down");
    return Promise.resolve();
  }

  swallow(actor: Actor, operation: "create" | "delete", keepOpen: boolean): Promise<void> {
    this.zk.dropReply(inMemory(actor), operation, { keepOpen });
    return Promise.resolve();
  }

  reap(): Promise<void> {
    this.zk.reapContainers();
    return Promise.resolve();
  }

  async end(): Promise<void> {
    for (const actor of this.actors) await actor.close();
    this.zk.stop();
  }
}

function inMemory({ client }: Actor): InMemoryClient {
  if (!(client instanceof InMemoryClient)) throw new Error("This actor is not of this world.");
  return client;
}
