import { AsyncLocalStorage } from "node:async_hooks";
import { FenceTransactionError } from "./errors.js";

/** A run whose body is at work. The calls that the body makes find it, by the async context they are made in. */
export interface OpenRun {
  /** What the guard works on: a pool, a connection or a client. Two guards over the same one share it. */
  readonly store: object;
  /** The table of the guard, or what else tells its fences from another guard's of the same store. */
  readonly fences: string;
  readonly resource: string;
  /** `lost`: the store has ended its transaction, and the body does not know yet. */
  state: "open" | "lost" | "ended";
}

const context = new AsyncLocalStorage<readonly OpenRun[]>();

/** The runs in whose bodies the current call is made, the outermost first. Those that ended are left out. */
function enclosingRuns(store?: object): OpenRun[] {
  const runs = context.getStore() ?? [];
  return runs.filter((run) => run.state !== "ended" && (store === undefined || run.store === store));
}

/**
 * Opens a run. Throws where it is called inside the body of a run of the same fence: it would wait for that one to end,
 * which waits for its body.
 */
export function openRun(store: object, fences: string, resource: string): OpenRun {
  if (enclosingRuns(store).some((run) => run.fences === fences && run.resource === resource)) {
    throw new FenceTransactionError(
      `A run for ${JSON.stringify(resource)} was called within the body of another run for it, and would wait for ` +
        "its own end. Nothing of it was written: do this work with the transaction that the outer body was given.",
      { resource },
    );
  }
  return { store, fences, resource, state: "open" };
}

/** Calls `body` such that the calls it makes find `run`. */
export function inside<T>(run: OpenRun, body: () => T): T {
  return context.run([...enclosingRuns(), run], body);
}

/**
 * As `inside`, for a store whose triggers refuse a stale write: their error is thrown as the StaleTokenError that it
 * means.
 */
export async function insideGuarded<T>(
  run: OpenRun,
  body: () => Promise<T> | T,
  refusalOf: (error: unknown) => Error | null,
): Promise<T> {
  try {
    return await inside(run, body);
  } catch (error) {
    throw refusalOf(error) ?? error;
  }
}

/** Throws where the call is made in the body of a run that has the one connection which there is. */
export function refuseInside(store: object): void {
  const outer = enclosingRuns(store)[0];
  if (outer === undefined) return;
  throw new FenceTransactionError(
    `The guard was called within the body of its run for ${JSON.stringify(outer.resource)}, which has the ` +
      "connection, and would wait for that run's end. Nothing of it was written: do this work with the transaction " +
      "that the body was given.",
    { resource: outer.resource },
  );
}

/**
 * Throws where the runs around this call have all connections of the pool, so that none can become free before it ends.
 */
export function refuseUsedUp(pool: object, limit: number): void {
  const outer = enclosingRuns(pool);
  if (outer.length === 0 || outer.length < limit) return;
  throw new FenceTransactionError(
    `The guard was called within the body of its run for ${JSON.stringify(outer[0]?.resource)}, and the pool of ` +
      `${limit} has no connection left that could become free. Nothing of it was written: use the transaction that ` +
      "the body was given, or a larger pool.",
    { resource: outer[0]?.resource },
  );
}

/**
 * Throws where the store has ended the transaction of a run around this one, so that this one does not commit alone.
 */
export function refuseOrphan(run: OpenRun): void {
  const lost = enclosingRuns().find((outer) => outer !== run && outer.state === "lost");
  if (lost === undefined) return;
  throw new FenceTransactionError(
    `The run for ${JSON.stringify(run.resource)} was rolled back, because the run for ` +
      `${JSON.stringify(lost.resource)} around it had lost its connection: the two would have been written by ` +
      "halves.",
    { resource: run.resource },
  );
}
