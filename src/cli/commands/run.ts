import { Command } from "commander";
import type { LockLostError, ZkLock, ZkLockManager } from "../../index.js";
import { accompany } from "../child/accompany.js";
import { ancestorVariable } from "../child/ancestors.js";
import { Child, type ChildSpec, findNodeModule } from "../child/child.js";
import { Lease } from "../child/lease.js";
import { type OnPassedOn, Signals, unlessInterrupted } from "../child/signals.js";
import { connect, library, type Place } from "../connection.js";
import { describeError } from "../error-words.js";
import { type End, EXIT, type ExitCodes } from "../exit.js";
import { type Finish, settle } from "../finish.js";
import { placeOf, type RunFlags, runOptions } from "../options.js";
import { Problem } from "../problem.js";
import { Notes } from "../terminal/notes.js";
import { waitForLock } from "../waiting.js";
import { splitWords } from "./run-words.js";

const NOTES = `Exit code: the command's; 1, 2, 3, 4, 64 and 128+n are explained by man zk-lock.`;

/** Which lock is taken. */
type Mode =
  | { readonly kind: "exclusive" | "read" | "write" }
  | { readonly kind: "semaphore"; readonly maxHolders: number; readonly replaceLimit: boolean };

/** What `zk-lock run` was asked to do. */
interface RunRequest {
  readonly place: Place;
  readonly id: string;
  readonly resource: string;
  readonly mode: Mode;
  readonly ttlMs: number | undefined;
  /** undefined: wait without end; 0: only if it is free now. */
  readonly waitMs: number | undefined;
  readonly child: Omit<ChildSpec, "env">;
  readonly verbose: boolean;
}

/** `zk-lock run`. */
export function runCommand(finish: Finish): Command {
  const command = new Command("run")
    .description("Run a command while holding a lock.")
    .usage("[options] <resource> [--] <command> [args…]")
    .argument("[words...]")
    // What stands behind the resource is the command's, also where it looks like an option of ours.
    .passThroughOptions()
    .addHelpText("after", NOTES);
  for (const option of runOptions()) command.addOption(option);
  return command.action(async (words: string[], flags: RunFlags) => {
    const work = (): Promise<End> => run(readRequest(command, words, flags));
    finish(await settle(work, flags.verbose, codesOf(flags)));
  });
}

function readRequest(command: Command, words: readonly string[], flags: RunFlags): RunRequest {
  const given = { key: flags.key, fromEnvironment: command.getOptionValueSource("key") === "env" };
  const all = (command.parent as unknown as { rawArgs: string[] }).rawArgs;
  const split = splitWords(words, given, all.at(-words.length - 1) === "--");
  return {
    place: placeOf(flags),
    id: flags.id,
    resource: split.resource,
    mode: modeOf(flags),
    ttlMs: flags.ttl,
    waitMs: flags.wait,
    child: {
      command: flags.node ? findNodeModule(split.command) : split.command,
      args: split.args,
      isNodeModule: flags.node,
      foreground: flags.foreground,
    },
    verbose: flags.verbose,
  };
}

function codesOf({ conflictExitCode, unreachableExitCode }: RunFlags): ExitCodes {
  return {
    ...EXIT,
    notAcquired: conflictExitCode ?? EXIT.notAcquired,
    unreachable: unreachableExitCode ?? EXIT.unreachable,
  };
}

/** @throws Problem 64 */
function modeOf({ read, write, maxHolders, replaceLimit }: RunFlags): Mode {
  if (maxHolders !== undefined) return { kind: "semaphore", maxHolders, replaceLimit };
  if (replaceLimit) throw new Problem("--replace-limit changes what --max-holders says: give both.", "usage");
  return { kind: read ? "read" : write ? "write" : "exclusive" };
}

/** A server that is there answers within this time: less would make `--wait 0` a matter of luck. */
const SHORTEST_CONNECT_MS = 2_000;

/** Resolves with what the command came to. */
async function run(request: RunRequest): Promise<End> {
  // Loading takes its time, which is no part of `--wait`.
  await library();
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
  const { ZkSemaphore } = await library();
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
    return await accompany(child, { lock, lost, lease, spec: request.child, ttlMs: request.ttlMs, notes });
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
    notes.detail(await describeError(error, false));
  }
}
