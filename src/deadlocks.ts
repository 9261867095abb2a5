import type { Identity } from "./errors.js";
import type { ResourceStatus } from "./inspection.js";

/** One process in a circle: it holds what the one before it waits for, and waits for what the next one holds. */
export interface DeadlockLink {
  readonly sessionId: string;
  readonly identity?: Identity;
  readonly holds: string;
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
 * The circles in the wait-for graph over all given resources, each once. Owners are sessions, so independent tasks of one process
 * count as one: a circle is a strong hint, and certain only where each process does one thing at a time.
 */
export function findCycles(resources: readonly ResourceStatus[]): Deadlock[] {
  const edges = resources.flatMap(edgesOf);
  const identities = new Map(
    resources.flatMap(({ holders, waiters }) =>
      [...holders, ...waiters].map((ticket) => [ticket.sessionId, ticket.identity]),
    ),
  );
  const found = new Map<string, Deadlock>();
  const visit = (path: readonly Edge[]): void => {
    const last = path.at(-1);
    const start = path[0];
    if (last === undefined || start === undefined) return;
    if (last.holder === start.waiter) {
      const circle = toDeadlock(path, identities);
      found.set(keyOf(circle), circle);
      return;
    }
    if (path.slice(0, -1).some(({ holder }) => holder === last.holder)) return;
    for (const next of edges) if (next.waiter === last.holder) visit([...path, next]);
  };
  for (const edge of edges) visit([edge]);
  return [...found.values()];
}

function edgesOf({ resource, holders, waiters }: ResourceStatus): Edge[] {
  return waiters.flatMap((waiter) =>
    holders
      .filter(({ sessionId }) => sessionId !== waiter.sessionId)
      .map((holder) => ({ waiter: waiter.sessionId, holder: holder.sessionId, resource })),
  );
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
