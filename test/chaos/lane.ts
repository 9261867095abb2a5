import { setTimeout as sleep } from "node:timers/promises";
import { type AcquireOptions, LockError, type ZkLock, type ZkLockManager } from "../../src/index.js";
import { Belief } from "./belief.js";
import { nowMs } from "./clock.js";
import type { HistoryFile, WorkerNote } from "./history.js";
import type { Random } from "./random.js";
import { drawWish, lockFor, type Wish } from "./resources.js";
import type { Store } from "./store.js";

/** What the lanes of a worker share. */
export interface Shift {
  readonly manager: ZkLockManager;
  readonly store: Store;
  readonly history: HistoryFile<WorkerNote>;
  readonly worker: string;
  /** The next number of an acquire. */
  nextId(): number;
  readonly isOver: () => boolean;
  grants: number;
}

/** What the caller of an aborted acquire gets back, so that the checker knows it again. */
class GivenUp extends Error {
  readonly code = "ABORTED";
}

/** One task of a worker: acquires, holds (some of them for long), writes, releases, over and over, until the shift is over. */
export async function runLane(shift: Shift, random: Random, forLong: boolean): Promise<void> {
  while (!shift.isOver()) {
    await oneHold(shift, random, drawWish(random, forLong));
    await sleep(random.between(0, 15));
  }
}

async function oneHold(shift: Shift, random: Random, wish: Wish): Promise<void> {
  const id = shift.nextId();
  const lock = lockFor(shift.manager, wish);
  const note = (entry: WorkerNote): void => shift.history.note(nowMs(), entry);
  lock.on("lost", ({ reason }) => note({ is: "lost", id, reason }));
  const { patience, options, forget } = drawPatience(random);
  note({ is: "call", id, resource: wish.resource, patience, ...wish.mode });
  try {
    const token = await lock.acquire(options);
    const belief = new Belief(lock, id, shift.history);
    note({ is: "granted", id, token });
    shift.grants += 1;
    await useHold(shift, random, wish, { id, token, belief });
    await giveBack(lock, id, belief, note);
  } catch (error) {
    note({ is: "rejected", id, ...described(error) });
    // As an application would: not at once again while there is no session.
    await sleep(20);
  } finally {
    forget();
  }
}

async function giveBack(lock: ZkLock, id: number, belief: Belief, note: (entry: WorkerNote) => void): Promise<void> {
  belief.sample();
  belief.flush();
  note({ is: "releasing", id });
  const outcome = await lock.release().then(
    (released) => (released ? "released" : "nothing"),
    (error: unknown) => described(error).code,
  );
  note({ is: "released", id, outcome });
}

async function useHold(
  shift: Shift,
  random: Random,
  { resource, mode }: Wish,
  { id, token, belief }: { id: number; token: number; belief: Belief },
): Promise<void> {
  belief.sample();
  const isLong = resource.startsWith("long");
  const holdMs = isLong ? random.between(500, 7_000) : random.between(2, 100);
  // Half of the short holds never leave their turn of the event loop: a stop then hits code that is about to look.
  const spins = !isLong && random.chance(50);
  const isFenced = mode.mode === "exclusive" && random.chance(80);
  const base = isFenced ? await attempt(() => shift.store.read(resource, token)) : undefined;
  for (const end = nowMs() + (spins ? Math.min(holdMs, 30) : holdMs); nowMs() < end;) {
    if (!belief.sample() || (isLong && shift.isOver())) break;
    if (!spins) await sleep(random.between(1, 5));
  }
  if (typeof base !== "number") return;
  // Whatever `isHeld` said: a holder that does not look is exactly whom the fence is for.
  const write = `${shift.worker}/${id}`;
  belief.sample();
  belief.flush();
  shift.history.note(nowMs(), { is: "write", id, write });
  const refusal = await attempt(() => shift.store.write({ resource, token, base, write }));
  shift.history.note(
    nowMs(),
    refusal === undefined ? { is: "accepted", id, write } : { is: "refused", id, write, ...described(refusal) },
  );
}

/** The result, or the error of a store that refused. */
async function attempt<T>(ask: () => Promise<T>): Promise<T | Error> {
  try {
    return await ask();
  } catch (error) {
    return error as Error;
  }
}

function drawPatience(random: Random): {
  patience: "endless" | "timeout" | "abort";
  options: AcquireOptions;
  forget: () => void;
} {
  const share = random.between(1, 100);
  if (share <= 55) return { patience: "endless", options: {}, forget: () => undefined };
  // Most are longer than a usual wait; some race with the grant, some with nothing at all.
  const ms = random.chance(50) ? random.between(0, 120) : random.between(200, 4_000);
  if (share <= 80) return { patience: "timeout", options: { timeout: ms }, forget: () => undefined };
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new GivenUp("The caller gave up.")), ms);
  return { patience: "abort", options: { signal: controller.signal }, forget: () => clearTimeout(timer) };
}

/** An error as a line of the history can carry it; of one that is none of ours, where it came from too. */
export function described(error: unknown): { code: string; message: string } {
  const { code, reason, name, message, stack } = error as Error & { code?: unknown; reason?: unknown };
  const told = typeof code === "string" ? code : name;
  const isOurs = error instanceof LockError || error instanceof GivenUp;
  return {
    code: typeof reason === "string" ? `${told}:${reason}` : told,
    message: isOurs ? message : (stack ?? message),
  };
}
