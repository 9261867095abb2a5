import { type Clock, systemClock } from "../common/clock.js";
import { InvalidArgumentError } from "../errors.js";
import type { Acl } from "../zookeeper/client/client.js";
import { inBackground } from "./time/background.js";
import { type ClientHome, InMemoryClient } from "./client/client.js";
import { Flag, Perm, textOf } from "./protocol/codes.js";
import { Ensemble } from "./ensemble/ensemble.js";
import { type DisconnectOptions, type DropOptions, type DroppableOperation, Faults } from "./faults.js";
import { EmbeddedServer, type ListenOptions } from "../embedded/embedded-server.js";
import { dump, isQuiet, type NodeView, sessions, type SessionView, tickets } from "./inspection.js";
import type { Result, Write } from "./protocol/messages.js";
import type { Hazard, InMemoryClientOptions, InMemoryZooKeeperOptions } from "./options.js";
import { Random } from "./time/random.js";
import { realClock } from "./time/real-clock.js";
import { Route } from "./network/route.js";
import { NOBODY } from "./ensemble/znode.js";

const DEFAULT_TICK_MS = 2_000;

/** A ZooKeeper ensemble in memory, with clients that fit where the `zookeeper` package's do, and faults to try. */
export class InMemoryZooKeeper {
  /** The clock that the servers live by. */
  readonly clock: Clock;
  /**
   * What has happened so far that would have killed a real client's process, or the servers; a test should find it
   * empty.
   */
  readonly hazards: Hazard[] = [];
  readonly #random: Random;
  readonly #ensemble: Ensemble;
  readonly #faults: Faults;
  #stopReaping: () => void = () => {};

  constructor(private readonly options: InMemoryZooKeeperOptions = {}) {
    const tickTimeMs = options.tickTimeMs ?? DEFAULT_TICK_MS;
    this.clock = options.clock ?? systemClock;
    const clock = options.clock ?? realClock;
    this.#random = new Random(options.seed ?? 1);
    const ensembleOptions = {
      clock,
      random: this.#random,
      tickTimeMs,
      minSessionTimeoutMs: options.minSessionTimeoutMs ?? 2 * tickTimeMs,
      maxSessionTimeoutMs: options.maxSessionTimeoutMs ?? 20 * tickTimeMs,
      followers: options.followers ?? 0,
      counters: options.counters ?? {},
      epoch: options.epoch ?? 1,
      firstZxid: options.firstZxid,
    };
    this.#ensemble = new Ensemble(ensembleOptions, (sessionId) => this.#hasDiedOf(sessionId));
    this.#faults = new Faults(this.#ensemble, this.#random);
    if (options.reapEveryMs) this.#reapEvery(options.reapEveryMs);
  }

  /** A client that has not been started: hand it to `manager.init`, or call its `init()`. */
  client({ clock = this.clock, server = 0, ...config }: InMemoryClientOptions = {}): InMemoryClient {
    const home = this.#ensemble.servers[server];
    if (home === undefined)
      throw new InvalidArgumentError(`There is no server ${server}: see the option \`followers\`.`);
    const route = new Route(this.#ensemble, home, clock, () => this.#latencyMs());
    const clientHome: ClientHome = {
      route,
      clock,
      sibling: (settings) => this.client({ clock, server, ...settings }),
      losesRequests: () => this.#random.next() < (this.options.closeLosesRequests ?? 0),
      hazard: (kind, owner) => void this.hazards.push({ kind, client: owner, atMs: this.clock.monotonicMs() }),
    };
    const client = new InMemoryClient(config, clientHome);
    this.#faults.register(client, route);
    return client;
  }

  /**
   * Listens on a socket, so that real clients, of any language, connect to it: ours, the `zookeeper` package, kazoo,
   * Curator.
   * @throws InvalidArgumentError where its clock is not the machine's: a real client cannot live by a virtual one
   */
  async listen(options: ListenOptions = {}): Promise<EmbeddedServer> {
    if (this.clock !== systemClock) throw new InvalidArgumentError("Sockets live by the machine's clock only.");
    return EmbeddedServer.listen(this.#ensemble, options);
  }

  /** Cuts the client's connection. What it has asked and not heard of gets connection loss; its session lives on. */
  disconnect(client: InMemoryClient, options?: DisconnectOptions): void {
    this.#faults.disconnect(client, options);
  }

  /** Ends a `disconnect`; the client's next attempt to connect is made at once. */
  reconnect(client: InMemoryClient): void {
    this.#faults.reconnect(client);
  }

  /**
   * Stops all messages, or one direction of them, without a word to either side. They come when the way is free again.
   */
  partition(client: InMemoryClient, direction: "both" | "up" | "down" = "both"): void {
    this.#faults.partition(client, direction);
  }

  /** Ends a `partition`. */
  heal(client: InMemoryClient): void {
    this.#faults.heal(client);
  }

  /**
   * Ends a session, given by its client or its id, as the servers do when nothing is heard of it: false if it has
   * ended.
   */
  expire(target: InMemoryClient | string): boolean {
    return this.#faults.expire(target);
  }

  /**
   * The client's next request of this kind is carried out, and its reply is lost.
   * @returns takes the fault back, if it has not happened yet
   */
  dropReply(client: InMemoryClient, operation: DroppableOperation, options: DropOptions = {}): () => void {
    return this.#faults.dropReply(client, operation, options);
  }

  /** From now on, everything the server sends to this client takes `ms` milliseconds longer; 0 ends it. */
  delay(client: InMemoryClient, ms: number): void {
    this.#faults.route(client).delayMs = ms;
  }

  /** From its next connection on, the client is served by this server; `disconnect` it to make it move. */
  attach(client: InMemoryClient, server: number): void {
    const next = this.#ensemble.servers[server];
    if (next === undefined)
      throw new InvalidArgumentError(`There is no server ${server}: see the option \`followers\`.`);
    this.#faults.route(client).server = next;
  }

  /** Keeps a follower's copy this many transactions behind the leader's, but never behind its own clients' writes. */
  lag(server: number, transactions: number): void {
    this.#ensemble.replication.setLag(server, transactions);
  }

  /**
   * Cuts a follower off from the leader: it goes on answering reads, while writes wait and the leader hears nothing of
   * the sessions of its clients.
   */
  isolate(server: number, isIsolated = true): void {
    const { servers, isolated } = this.#ensemble;
    const target = servers[server];
    if (target === undefined || server === 0) throw new InvalidArgumentError(`There is no follower ${server}.`);
    if (isIsolated) isolated.add(target);
    else isolated.delete(target);
  }

  /** A new leader is elected: a new epoch, and every client's connection is cut. */
  electLeader(): void {
    for (const route of this.#faults.routes.values()) route.reset();
    this.#ensemble.electLeader();
  }

  /** While true, every write is refused (-119). */
  set readOnly(isReadOnly: boolean) {
    this.#ensemble.isReadOnly = isReadOnly;
  }

  /** Deletes the empty containers that have had children; returns their paths. */
  reapContainers(): string[] {
    return this.#ensemble.reapContainers();
  }

  /**
   * As an administrator, whom no ACL stops: creates a node, with `flags` as `a_create`'s, for no session or the one
   * given.
   */
  create(path: string, data: Buffer | string = "", { flags = 0, sessionId = NOBODY } = {}): string {
    const owner = flags & Flag.ephemeral ? sessionId : NOBODY;
    return this.#administer({ op: "create", path, data: Buffer.from(data), flags }, owner).path ?? path;
  }

  /** As an administrator: replaces a node's data. */
  set(path: string, data: Buffer | string): void {
    this.#administer({ op: "set", path, data: Buffer.from(data), version: -1 });
  }

  /** As an administrator: deletes one node. */
  delete(path: string): void {
    this.#administer({ op: "delete", path, version: -1 });
  }

  /** As an administrator: deletes a node and everything below it; returns how many nodes went. */
  deleteAll(path: string): number {
    return this.#ensemble.deleteAll(path);
  }

  /** As an administrator: replaces a node's ACL. */
  setAcl(path: string, acl: readonly Acl[] = [{ perms: Perm.all, scheme: "world", auth: "anyone" }]): void {
    this.#administer({ op: "setAcl", path, version: -1, acl });
  }

  /** All nodes at and below `path`, as the leader has them. */
  dump(path = "/"): NodeView[] {
    return dump(this.#ensemble, path);
  }

  /** The ephemeral nodes at and below `path`, in the order of their sequence numbers. */
  tickets(path = "/"): NodeView[] {
    return tickets(this.#ensemble, path);
  }

  /** The sessions that are alive, with their watches. */
  sessions(): SessionView[] {
    return sessions(this.#ensemble, this.#faults.routes.values());
  }

  /** The id of the latest write that the leader has made. */
  get lastZxid(): number {
    return this.#ensemble.lastZxid;
  }

  /** How many requests have not been answered, and how many messages are on their way. */
  get underWay(): { replies: number; messages: number } {
    let [replies, messages] = [0, 0];
    for (const [client, route] of this.#faults.routes) {
      replies += client.pendingReplies;
      messages += route.inFlight;
    }
    return { replies, messages };
  }

  /** Whether nothing is under way: no message, and no request without its answer. */
  get isQuiescent(): boolean {
    return isQuiet(this.#faults.routes);
  }

  /** Stops the ensemble's own timers. */
  stop(): void {
    this.#stopReaping();
    this.#ensemble.sessions.stop();
  }

  #hasDiedOf(sessionId: string): void {
    const client = [...this.#faults.routes.keys()].findLast(({ client_id }) => client_id === sessionId);
    if (client !== undefined) this.hazards.push({ kind: "session-too-large", client, atMs: this.clock.monotonicMs() });
  }

  #latencyMs(): number {
    const { latencyMs = 0 } = this.options;
    return typeof latencyMs === "number"
      ? latencyMs
      : latencyMs.min + this.#random.next() * (latencyMs.max - latencyMs.min);
  }

  #reapEvery(everyMs: number): void {
    this.#stopReaping = inBackground(this.clock, everyMs, () => {
      this.reapContainers();
      this.#reapEvery(everyMs);
    });
  }

  #administer(write: Write, sessionId = NOBODY): Result {
    const result = this.#ensemble.write(write, { sessionId, credentials: null });
    if (result.code !== 0)
      throw new InvalidArgumentError(`${write.op} ${write.path}: ${result.code} ${textOf(result.code)}`);
    return result;
  }
}
