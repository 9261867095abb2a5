import { type LockLostError, type ZkLock, type ZkLockManager, ZkSemaphore } from "../../index.js";
import { accompany } from "./accompany.js";
import { ancestorVariable } from "../child/ancestors.js";
import { Child } from "../child/child.js";
import { connect } from "../connection.js";
import type { End } from "../exit-codes.js";
import { Lease } from "./lease.js";
import { Notes } from "../terminal/notes.js";
import { describeError } from "../problem.js";
import type { RunRequest } from "./run-request.js";
import { type OnPassedOn, Signals } from "../child/signals.js";
import { waitForLock } from "./waiting.js";

/** A server that is there answers within this time: less would make `--wait 0` a matter of luck. */
const SHORTEST_CONNECT_MS = 2_000;

/** `zk-lock run`: resolves with what the command came to. */
export async function run(request: RunRequest): Promise<End> {
  const notes = new Notes(request.verbose);
  const signals = new Signals(signalNotes(notes));
  try {
    const deadline = request.waitMs === undefined ? undefined : performance.now() + request.waitMs;
    const manager = await unlessInterrupted(open(request, notes), signals.interrupted);
    try {
      return await runWith(manager, { request, notes, signals, deadline });
    } finally {
      await manager.close();
    }
  } finally {
    signals.stop();
  }
}

/** Tells what became of signals. Of a window that is drawn larger and larger it tells once. */
function signalNotes(notes: Notes): OnPassedOn {
  let toldOfWindow = false;
  return (signal, delivery, pid) => {
    switch (delivery) {
      case "sent":
        notes.detail(`passing ${signal} on`);
        return;
      case "refused":
        if (signal === "SIGWINCH" && toldOfWindow) return;
        toldOfWindow ||= signal === "SIGWINCH";
        notes.say(
          `${signal} could not be passed on: that is not allowed for process ${pid}. The lock is kept until it ends.`,
        );
        return;
      case "gone":
        return;
      default:
        delivery satisfies never;
    }
  };
}

interface Circumstances {
  readonly request: RunRequest;
  readonly notes: Notes;
  readonly signals: Signals;
  readonly deadline: number | undefined;
}

async function runWith(manager: ZkLockManager, circumstances: Circumstances): Promise<End> {
  const { request, notes, signals, deadline } = circumstances;
  const lock = lockOf(manager, request);
  // Listened to from the start: a hold can be lost before its child has begun.
  const lost = new Promise<LockLostError>((resolve) => lock.once("lost", resolve));
  const token = await waitForLock({
    ...{ manager, lock, notes, deadline, waitMs: request.waitMs },
    permits: request.mode.kind === "semaphore" ? request.mode.maxHolders : undefined,
    signal: signals.interrupted,
  });
  notes.detail(`"${request.resource}" is ours, token ${token}`);
  const lease = new Lease(manager, lock);
  try {
    signals.interrupted.throwIfAborted();
    const slot = lock instanceof ZkSemaphore ? await lock.slot({ signal: signals.interrupted }) : undefined;
    const env = { ...process.env, ...lockVariables(request, manager, lock, token, slot) };
    signals.expectChild();
    const child = await Child.start({ ...request.child, env });
    notes.detail(`started process ${child.pid}`);
    signals.passTo(child, () => lease.stands());
    return await accompany(child, { lock, lost, lease, request, notes });
  } finally {
    lease.stop();
    await giveBack(lock, notes);
  }
}

function open(request: RunRequest, notes: Notes): Promise<ZkLockManager> {
  notes.status(`connecting to ${request.place.servers}`);
  const connectTimeoutMs = request.waitMs === undefined ? undefined : Math.max(request.waitMs, SHORTEST_CONNECT_MS);
  const options = { id: request.id, sessionTimeoutMs: request.ttlMs, connectTimeoutMs };
  return connect(request.place, options, notes).finally(() => notes.status(""));
}

function lockOf(manager: ZkLockManager, { resource, mode }: RunRequest): ZkLock {
  switch (mode.kind) {
    case "exclusive":
      return manager.createLock(resource);
    case "read":
      return manager.createReadWriteLock(resource).read;
    case "write":
      return manager.createReadWriteLock(resource).write;
    case "semaphore":
      return manager.createSemaphore(resource, {
        maxConcurrentHolders: mode.maxHolders,
        replaceLimit: mode.replaceLimit,
      });
    default:
      return mode satisfies never;
  }
}

/** What the child has to know of its lock. But for ZK_LOCK_HELD none is inherited: we may be the child of another zk-lock. */
function lockVariables(
  { resource }: RunRequest,
  { session }: ZkLockManager,
  lock: ZkLock,
  token: number,
  slot?: number,
): NodeJS.ProcessEnv {
  return {
    ...ancestorVariable({ resource, token, session: session.id, pid: process.pid }),
    ZK_LOCK_RESOURCE: resource,
    ZK_LOCK_TOKEN: String(token),
    // A shared hold's number is no fence: holders of higher and lower ones live side by side.
    ZK_LOCK_SHARED: lock.shared ? "1" : undefined,
    ZK_LOCK_SLOT: slot === undefined ? undefined : String(slot),
  };
}

async function giveBack(lock: ZkLock, notes: Notes): Promise<void> {
  try {
    if (await lock.release()) notes.detail("given back");
  } catch (error) {
    // That the lock was lost has been told already, with the exit code that it has.
    notes.detail(describeError(error, false));
  }
}

/** `work`, unless a signal comes first; what becomes of it then is of no interest, since the process ends. */
async function unlessInterrupted<T>(work: Promise<T>, interrupted: AbortSignal): Promise<T> {
  let unhook = (): void => undefined;
  const interruption = new Promise<never>((_, reject) => {
    const stop = (): void => reject(interrupted.reason as Error);
    interrupted.addEventListener("abort", stop, { once: true });
    unhook = () => interrupted.removeEventListener("abort", stop);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, interruption]);
  } finally {
    unhook();
  }
}
