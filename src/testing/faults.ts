import { InvalidArgumentError } from "../errors.js";
import type { InMemoryClient } from "./client/client.js";
import type { Ensemble } from "./ensemble/ensemble.js";
import type { Operation } from "./protocol/messages.js";
import type { Random } from "./time/random.js";
import type { Route } from "./network/route.js";

/** How `disconnect` cuts a client off. */
export interface DisconnectOptions {
  /**
   * For how long, in milliseconds, the network refuses the client. Default: until `reconnect`. 0: it may come back at
   * once.
   */
  forMs?: number;
  /**
   * What becomes of requests that are on their way: all arrive, all are lost, or (default) the first few of them
   * arrive.
   */
  inFlight?: "arrive" | "lost" | "some";
  /**
   * Whether a send can run into the dead socket before the client has noticed. The client then shows state 999, as the
   * real one does, and must be closed in the same turn. Default false.
   */
  trap?: boolean;
}

/** How `dropReply` loses a reply. */
export interface DropOptions {
  /** True: the connection stays open, and the client learns of the loss only by waiting. Default: false, it is cut. */
  keepOpen?: boolean;
}

/** What the in-memory client never asks. */
type OnlyEmbedded = "check" | "multi" | "checkWatches" | "removeWatches" | "addWatch" | "whoAmI";

/** The operation whose reply is lost; "any" is the one that comes next. */
export type DroppableOperation = Exclude<Operation, OnlyEmbedded | "auth" | "setWatches" | "ping" | "close"> | "any";

/** What can go wrong between clients and servers. */
export class Faults {
  readonly #routes = new Map<InMemoryClient, Route>();

  constructor(
    private readonly ensemble: Ensemble,
    private readonly random: Random,
  ) {}

  register(client: InMemoryClient, route: Route): void {
    this.#routes.set(client, route);
  }

  get routes(): ReadonlyMap<InMemoryClient, Route> {
    return this.#routes;
  }

  disconnect(client: InMemoryClient, options: DisconnectOptions = {}): void {
    const route = this.route(client);
    const { forMs, inFlight = "some", trap = false } = options;
    const onTheirWay = route.line?.up.inFlight ?? 0;
    route.isCut = forMs !== 0;
    route.reset(route.line, { arrive: onTheirWay, lost: 0, some: this.random.below(onTheirWay + 1) }[inFlight], trap);
    if (forMs === undefined || forMs === 0) return;
    const cut = ++route.cuts;
    this.ensemble.options.clock.after(forMs, () => {
      if (route.cuts === cut) route.isCut = false;
    });
  }

  reconnect(client: InMemoryClient): void {
    const route = this.route(client);
    route.cuts++;
    route.isCut = false;
    client.hurry();
  }

  partition(client: InMemoryClient, direction: "both" | "up" | "down"): void {
    this.route(client).block({ ...(direction !== "down" && { up: true }), ...(direction !== "up" && { down: true }) });
  }

  heal(client: InMemoryClient): void {
    this.route(client).block({ up: false, down: false });
  }

  expire(target: InMemoryClient | string): boolean {
    const session = this.ensemble.sessions.get(typeof target === "string" ? target : target.client_id);
    if (session !== undefined) this.ensemble.endSession(session);
    return session !== undefined;
  }

  dropReply(client: InMemoryClient, operation: DroppableOperation, { keepOpen = false }: DropOptions): () => void {
    const { drops } = this.route(client);
    const drop = { operation, keepOpen };
    drops.push(drop);
    return () => {
      if (drops.includes(drop)) drops.splice(drops.indexOf(drop), 1);
    };
  }

  /** @throws InvalidArgumentError for a client of another ensemble */
  route(client: InMemoryClient): Route {
    const route = this.#routes.get(client);
    if (route === undefined)
      throw new InvalidArgumentError("This client was not made by this ensemble: make it with client().");
    return route;
  }
}
