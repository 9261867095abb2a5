import type { Stat } from "../zookeeper/client/client.js";
import type { InMemoryClient } from "./client/client.js";
import type { Ensemble } from "./ensemble/ensemble.js";
import type { Route } from "./network/route.js";
import { nameOf } from "./protocol/path.js";

/** A node of the tree, for people and assertions. */
export interface NodeView {
  /** The whole path. */
  readonly path: string;
  /** The node's data. */
  readonly data: Buffer;
  /** The node's Stat, as a client reads it. */
  readonly stat: Stat;
  /** Whether it is a container, which is deleted when its last child has gone. */
  readonly isContainer: boolean;
}

/** A session that is alive, for people and assertions. */
export interface SessionView {
  /** The id, in hexadecimal. */
  readonly id: string;
  /** The negotiated session timeout, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether a client is connected to a server with it. */
  readonly isConnected: boolean;
  /** How long until it expires, if nothing is heard of it any more, in milliseconds. */
  readonly expiresInMs: number;
  /** The paths it watches, on the server it is connected to. */
  readonly watches: { readonly data: readonly string[]; readonly children: readonly string[] };
}

/** Every node below `root`, `root` included, in the order of paths; the servers' own below `/zookeeper` left out. */
export function dump({ leader }: Ensemble, root: string): NodeView[] {
  const prefix = root === "/" ? "/" : `${root}/`;
  return [...leader.tree.paths]
    .filter(
      (path) => (path === root || path.startsWith(prefix)) && path !== "/zookeeper" && !path.startsWith("/zookeeper/"),
    )
    .sort()
    .flatMap((path) => {
      const node = leader.tree.get(path);
      return node === undefined ? [] : { path, data: node.data, stat: node.stat(""), isContainer: node.isContainer };
    });
}

/**
 * The ephemeral nodes below `root`, by the number at the end of their name, so a directory's tickets in queue order.
 */
export function tickets(ensemble: Ensemble, root: string): NodeView[] {
  const sequenceOf = (path: string): number => Number(/(?:(?<=-)-)?\d+$/.exec(nameOf(path))?.[0] ?? 0);
  return dump(ensemble, root)
    .filter(({ stat }) => stat.ephemeralOwner !== "0")
    .sort((one, other) => sequenceOf(one.path) - sequenceOf(other.path));
}

export function sessions(ensemble: Ensemble, routes: Iterable<Route>): SessionView[] {
  const nowMs = ensemble.options.clock.monotonicMs();
  const connections = [...routes].flatMap((route) => route.line?.connection ?? []);
  return ensemble.sessions.all.map((session) => {
    const connection = connections.find((one) => one === session.carrier);
    const { data, children } = connection?.server.watches ?? {};
    return {
      id: session.id,
      timeoutMs: session.timeoutMs,
      isConnected: session.carrier !== null,
      expiresInMs: session.expiresMs(nowMs) - nowMs,
      watches: {
        data: connection === undefined ? [] : (data?.pathsOf(connection) ?? []),
        children: connection === undefined ? [] : (children?.pathsOf(connection) ?? []),
      },
    };
  });
}

/** True when nothing is under way: no message, no request without its answer. */
export function isQuiet(routes: ReadonlyMap<InMemoryClient, Route>): boolean {
  for (const [client, route] of routes) if (route.inFlight > 0 || client.pendingReplies > 0) return false;
  return true;
}
