import { setTimeout as sleep } from "node:timers/promises";
import {
  AccessDeniedError,
  AcquireTimeoutError,
  ConnectError,
  type FencingToken,
  InvalidArgumentError,
  LockLostError,
  ManagerClosedError,
  SessionLostError,
  type ZkLock,
  type ZkLockManager,
} from "../index.js";
import { EXIT } from "./exit-codes.js";
import type { Notes } from "./notes.js";
import { Problem } from "./problem.js";
import { ageOf, personName, printable } from "./words.js";

export interface Wait {
  readonly manager: ZkLockManager;
  readonly lock: ZkLock;
  /** On the clock of performance.now(); undefined: without end. */
  readonly deadline: number | undefined;
  /** What was asked for in the first place, for the error. */
  readonly waitMs: number | undefined;
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
      if (late || !(error instanceof SessionLostError) || isFinal(error)) throw error;
      notes.detail(`the session ended while we waited: queueing again (${error.message})`);
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

async function queueOnce(wait: Wait): Promise<FencingToken> {
  const { lock, signal, deadline } = wait;
  const stopShowing = showQueue(wait);
  try {
    const leftMs = deadline === undefined ? undefined : Math.max(0, Math.ceil(deadline - performance.now()));
    return await lock.acquire({ signal, ...(leftMs !== undefined && { timeout: leftMs }) });
  } catch (error) {
    if (error instanceof AcquireTimeoutError) throw tooLate(error, wait);
    if (error instanceof LockLostError) throw new Problem(TICKET_GONE, EXIT.notAcquired, { cause: error });
    throw error;
  } finally {
    stopShowing();
  }
}

/** In the words of somebody who typed `--wait`. */
function tooLate(error: AcquireTimeoutError, { lock, waitMs = 0 }: Wait): Problem {
  const name = `"${printable(lock.resource)}"`;
  const who = error.holder === undefined ? "somebody" : personName(error.holder);
  const message =
    waitMs === 0
      ? `${name} is held by ${who}.`
      : `${name} was not to be had within ${waitMs / 1000} s: held by ${who}, ${error.ahead ?? "some"} ahead of us.`;
  return new Problem(message, EXIT.notAcquired, { cause: error });
}

/** Whether another session would fare no better. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const hopeless = [AccessDeniedError, InvalidArgumentError, ConnectError, ManagerClosedError];
  return hopeless.some((kind) => error instanceof kind) || isFinal(error.cause);
}

/** Keeps the status line up to date while others are ahead; the returned function ends that and erases it. */
function showQueue({ manager, lock, notes }: Wait): () => void {
  let ahead: number | undefined;
  let holder = "";
  let refreshing = false;
  const show = (): void => {
    if (ahead !== undefined) notes.status(`waiting for "${printable(lock.resource)}": ${ahead} ahead${holder}`);
  };
  const refresh = async (): Promise<void> => {
    if (ahead === undefined || !notes.hasStatusLine || refreshing) return;
    refreshing = true;
    holder = await holderOf(manager, lock.resource).catch(() => holder);
    refreshing = false;
    show();
  };
  const queued = ({ ahead: now }: { ahead: number }): void => {
    if (now !== ahead) notes.detail(`waiting for "${printable(lock.resource)}": ${now} ahead`);
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
  return `, held by ${personName(first.identity)}${more} for ${ageOf(first.since)}`;
}
