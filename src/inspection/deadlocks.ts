import type { Identity } from "../errors.js";
import type { ResourceStatus, TicketStatus } from "./inspection.js";

/** One process in a circle: it holds what the one before it waits for, and waits for what the next one holds. */
export interface DeadlockLink {
  /** The session of the process, in hexadecimal. */
  readonly sessionId: string;
  /** What the process says of itself, where it says anything. */
  readonly identity?: Identity;
  /** The resource that it holds. */
  readonly holds: string;
  /** The resource that it waits for. */
  readonly waitsFor: string;
}

/** A circle of processes that wait for each other; nobody in it goes on unless somebody gives up. */
export type Deadlock = readonly DeadlockLink[];

interface Edge {
  readonly waiter: string;
  readonly holder: string;
  readonly resource: string;
}

/**
 * The circles in the wait-for graph over all given resources: for each wait that is part of any, the shortest one through it,
 * each once. (All circles would be too many to name: their number grows with the factorial of the waiters.) Owners are sessions,
 * so independent tasks of one process count as one: a circle is a strong hint, and certain only where each process does one
 * thing at a time.
 */
export function findCycles(resources: readonly ResourceStatus[]): Deadlock[] {
  const edges = new Map<string, Edge[]>();
  for (const edge of edgesAmong(resources)) {
    const known = edges.get(edge.waiter);
    if (known === undefined) edges.set(edge.waiter, [edge]);
    else known.push(edge);
  }
  const identities = new Map(
    resources.flatMap(({ holders, waiters }) =>
      [...holders, ...waiters].map((ticket) => [ticket.sessionId, ticket.identity]),
    ),
  );
  const found = new Map<string, Deadlock>();
  for (const edge of [...edges.values()].flat()) {
    const path = shortestCircle(edge, edges);
    if (path === null) continue;
    const circle = toDeadlock(path, identities);
    found.set(keyOf(circle), circle);
  }
  return [...found.values()];
}

/** The shortest way from the edge's holder back to its waiter, the edge itself before it; null: there is none. */
function shortestCircle(edge: Edge, edges: ReadonlyMap<string, readonly Edge[]>): readonly Edge[] | null {
  const reached = new Set([edge.holder]);
  let paths: (readonly Edge[])[] = [[edge]];
  while (paths.length > 0) {
    const longer: (readonly Edge[])[] = [];
    for (const path of paths) {
      for (const next of edges.get(path.at(-1)?.holder ?? "") ?? []) {
        if (next.holder === edge.waiter) return [...path, next];
        if (reached.has(next.holder)) continue;
        reached.add(next.holder);
        longer.push([...path, next]);
      }
    }
    paths = longer;
  }
  return null;
}

/** Only between those who both hold something and wait for something: nobody else is in a circle. */
function edgesAmong(resources: readonly ResourceStatus[]): Edge[] {
  const holding = new Set(resources.flatMap(({ holders }) => holders.map(({ sessionId }) => sessionId)));
  const waiting = new Set(resources.flatMap(({ waiters }) => waiters.map(({ sessionId }) => sessionId)));
  const edges: Edge[] = [];
  for (const { resource, holders, waiters } of resources) {
    const from = sessionsOf(waiters, holding);
    const to = sessionsOf(holders, waiting);
    for (const waiter of from) {
      for (const holder of to) if (holder !== waiter) edges.push({ waiter, holder, resource });
    }
  }
  return edges;
}

function sessionsOf(tickets: readonly TicketStatus[], among: ReadonlySet<string>): Set<string> {
  return new Set(tickets.map(({ sessionId }) => sessionId).filter((id) => among.has(id)));
}

function toDeadlock(path: readonly Edge[], identities: ReadonlyMap<string, Identity | undefined>): Deadlock {
  return path.map(({ waiter, resource }, index) => {
    const identity = identities.get(waiter);
    const before = path.at(index - 1);
    return { sessionId: waiter, ...(identity && { identity }), holds: before?.resource ?? "", waitsFor: resource };
  });
}

/** The same circle begun elsewhere is the same circle. */
function keyOf(circle: Deadlock): string {
  return circle
    .map(({ sessionId, waitsFor }) => `${sessionId} ${waitsFor}`)
    .sort()
    .join("\n");
}
