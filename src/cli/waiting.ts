import { setTimeout as sleep } from "node:timers/promises";
import type { AcquireTimeoutError, FencingToken, ZkLock, ZkLockManager } from "../index.js";
import { type AncestorHold, ancestorHolds, ancestorInTheWay, isQueued } from "./child/ancestors.js";
import { library } from "./connection.js";
import { Problem } from "./problem.js";
import type { Notes } from "./terminal/notes.js";
import { ageOf, ownerName, personName } from "./terminal/words.js";

export interface Wait {
  readonly manager: ZkLockManager;
  readonly lock: ZkLock;
  /** On the clock of performance.now(); undefined: without end. */
  readonly deadline: number | undefined;
  /** What was asked for in the first place, for the error. */
  readonly waitMs: number | undefined;
  /** Of a semaphore: how many may hold. */
  readonly permits: number | undefined;
  readonly signal: AbortSignal;
  readonly notes: Notes;
}

const REFRESH_MS = 1_000;
/** Between two tries, where the session ended while we waited. */
const PAUSE_MS = 200;
const TICKET_GONE = "Somebody deleted our place in the queue.";

/** Acquires, in the next session where one ended meanwhile, and shows how the queue moves. */
export async function waitForLock(wait: Wait): Promise<FencingToken> {
  const { notes, signal, deadline } = wait;
  for (;;) {
    try {
      return await queueOnce(wait);
    } catch (error) {
      const late = deadline !== undefined && performance.now() >= deadline;
      const { SessionLostError } = await library();
      if (late || !(error instanceof SessionLostError) || (await isFinal(error))) throw error;
      notes.detail(`the session ended while we waited: queueing again (${error.message})`);
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

async function queueOnce(wait: Wait): Promise<FencingToken> {
  const { lock, deadline } = wait;
  const stopShowing = showQueue(wait);
  const { signal, stop } = untilInVain(wait);
  try {
    const leftMs = deadline === undefined ? undefined : Math.max(0, Math.ceil(deadline - performance.now()));
    return await lock.acquire({ signal, ...(leftMs !== undefined && { timeout: leftMs }) });
  } catch (error) {
    const { AcquireTimeoutError, LockLostError } = await library();
    if (error instanceof AcquireTimeoutError) throw tooLate(error, wait);
    if (error instanceof LockLostError) throw new Problem(TICKET_GONE, "notAcquired", { cause: error });
    throw error;
  } finally {
    stop();
    stopShowing();
  }
}

/**
 * The signal of the wait, which also aborts where we would wait for the zk-lock whose command we are a part of. The queue is looked
 * at until that is known; who stands before us does not change after that, but for going.
 */
function untilInVain({ manager, lock, permits, signal }: Wait): { signal: AbortSignal; stop: () => void } {
  if (ancestorHolds().length === 0) return { signal, stop: () => undefined };
  const vain = new AbortController();
  const abort = (): void => vain.abort(signal.reason);
  const look = async (): Promise<void> => {
    const status = await manager.inspect(lock.resource);
    if (!isQueued(status, manager.session.id)) return;
    clearInterval(timer);
    const hold = ancestorInTheWay(status, manager.session.id, permits);
    if (hold !== undefined) vain.abort(waitForAncestor(lock.resource, hold));
  };
  const tryToLook = (): void => void look().catch(() => undefined);
  const timer = setInterval(tryToLook, REFRESH_MS);
  lock.once("queued", tryToLook);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  const stop = (): void => {
    clearInterval(timer);
    lock.removeListener("queued", tryToLook);
    signal.removeEventListener("abort", abort);
  };
  return { signal: vain.signal, stop };
}

function waitForAncestor(resource: string, { pid, token }: AncestorHold): Problem {
  const message =
    `"${resource}" is held by the zk-lock that we run under (pid ${pid}, token ${token}): it waits for its command to end, ` +
    "so we would wait for ever.";
  return new Problem(message, "notAcquired");
}

/** In the words of somebody who typed `--wait`. */
function tooLate(error: AcquireTimeoutError, { manager, lock, waitMs = 0 }: Wait): Problem {
  const name = `"${lock.resource}"`;
  if (manager.session.state !== "connected") {
    const message = `${name} was not to be had within ${waitMs / 1000} s: we are out of touch with ZooKeeper.`;
    return new Problem(message, "unreachable", { cause: error });
  }
  const who = error.holder === undefined ? "somebody" : personName(error.holder);
  const message =
    waitMs === 0
      ? `${name} is held by ${who}.`
      : `${name} was not to be had within ${waitMs / 1000} s: held by ${who}, ${error.ahead ?? "some"} ahead of us.`;
  return new Problem(message, "notAcquired", { cause: error });
}

/** Whether another session would fare no better. */
async function isFinal(error: unknown): Promise<boolean> {
  if (!(error instanceof Error)) return false;
  const { AccessDeniedError, InvalidArgumentError, ConnectError, ManagerClosedError } = await library();
  const hopeless = [AccessDeniedError, InvalidArgumentError, ConnectError, ManagerClosedError];
  return hopeless.some((kind) => error instanceof kind) || isFinal(error.cause);
}

/** Keeps the status line up to date while others are ahead; the returned function ends that and erases it. */
function showQueue({ manager, lock, notes }: Wait): () => void {
  let ahead: number | undefined;
  let holder = "";
  let refreshing = false;
  const show = (): void => {
    if (ahead !== undefined) notes.status(`waiting for "${lock.resource}": ${ahead} ahead${holder}`);
  };
  const refresh = async (): Promise<void> => {
    if (ahead === undefined || !notes.hasStatusLine || refreshing) return;
    refreshing = true;
    holder = await holderOf(manager, lock.resource).catch(() => holder);
    refreshing = false;
    show();
  };
  const queued = ({ ahead: now }: { ahead: number }): void => {
    if (now !== ahead) notes.detail(`waiting for "${lock.resource}": ${now} ahead`);
    const first = ahead === undefined;
    ahead = now;
    show();
    if (first) void refresh();
  };
  lock.on("queued", queued);
  const timer = setInterval(() => void refresh(), REFRESH_MS);
  return () => {
    clearInterval(timer);
    lock.removeListener("queued", queued);
    ahead = undefined;
    notes.status("");
  };
}

async function holderOf(manager: ZkLockManager, resource: string): Promise<string> {
  const { holders } = await manager.inspect(resource);
  const [first, ...others] = holders;
  if (first === undefined) return "";
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return `, held by ${ownerName(first)}${more} for ${ageOf(first.since)}`;
}
