import { publishAcquire } from "../diagnostics.js";
import type { Discipline } from "../queue/discipline.js";
import { retold, SelfDeadlockError } from "../errors.js";
import type { Target } from "../queue/target.js";
import type { LockHome } from "../local/lock-home.js";
import type { AcquireOptions } from "../options.js";
import { acquireTimedOut, alreadyLocked, type Outcome, publicOutcome } from "../local/outcome.js";
import { enclosingTakings, ownerOf } from "../local/owner.js";
import { type TakenBy, Taking } from "../local/taking.js";

type Refusal = Exclude<Outcome, { kind: "granted" }>;

/** What became of one call: the hold that it took, or why it took none. */
export type Entered = { readonly kind: "granted"; readonly taking: Taking } | Refusal;

/** The takings of a lock's resource that we run inside of, by all handles of its manager, the innermost last. */
export function enclosingOf(home: LockHome): Taking[] {
  return enclosingTakings().filter(({ hold }) => home.isOfResource(hold));
}

/**
 * One call of acquire, up to its outcome: enters the hold where there is one to enter, or queues.
 * @throws SelfDeadlockError, UpgradeRefusedError, SessionLostError, or the signal's reason, before anything is sent
 */
export async function enter(
  home: LockHome,
  { timeout, signal }: AcquireOptions,
  by: TakenBy,
  onQueued: (ahead: number) => void,
  giveBack: (taking: Taking) => Promise<boolean>,
): Promise<Entered> {
  const enclosing = enclosingOf(home);
  const standing = enclosing.findLast(({ hold }) => hold.isHeld);
  const owner = ownerOf({ owning: home.owning, enclosing: standing, processHasIt: () => home.processHasIt() }, by);
  // While the manager drains, those who hold may still enter again.
  if (!home.existingQueue()?.holdOf(owner)) home.assertOpen();
  signal?.throwIfAborted();
  const timeoutMs = home.failImmediate ? 0 : (timeout ?? home.acquireTimeoutMs);
  if (timeoutMs !== 0) refuseToWaitForOurselves(home.target, owner, enclosing);
  const caller = home.queue().enter(owner, { timeoutMs, signal, onQueued });
  const outcome = await caller.outcome;
  publishAcquire(home.target, () => publicOutcome(outcome), caller.elapsedMs);
  if (outcome.kind !== "granted") return outcome;
  const within = enclosing.findLast(({ isOpen }) => isOpen);
  return { kind: "granted", taking: new Taking(outcome.hold, by, within, giveBack) };
}

/** What is thrown for a call that took nothing. */
export function errorOf(home: LockHome, refusal: Refusal, timeoutMs: number | undefined): unknown {
  const { resource } = home.target;
  switch (refusal.kind) {
    case "aborted":
      return refusal.reason;
    case "failed":
      return retold(refusal.error, resource);
    case "too-late":
      return home.failImmediate
        ? alreadyLocked(resource, refusal.survey)
        : acquireTimedOut(resource, refusal.survey, timeoutMs ?? home.acquireTimeoutMs ?? 0);
    default:
      return refusal satisfies never;
  }
}

/**
 * A hold of a body that we run inside of, and that we can neither enter nor share, ends only after us. It is known by
 * the async context: what a bare acquire took may be given back by anybody, and who has the object of a `hold()` may
 * hand it on.
 * @throws SelfDeadlockError
 */
function refuseToWaitForOurselves({ discipline, resource }: Target, owner: object, enclosing: readonly Taking[]): void {
  const bodies = enclosing.filter(({ by, hold }) => by === "body" && hold.isHeld);
  const permits = new Set(bodies.map(({ hold }) => hold).filter(({ kind }) => kind === "semaphore"));
  const isFull = discipline.limit !== undefined && permits.size >= discipline.limit;
  const obstacle = bodies.findLast(({ hold }) => {
    // The same kind is entered. A reader goes behind its own write hold; the other way is UpgradeRefusedError, by the
    // queue.
    if (hold.owner === owner && familyOf(hold.kind) === familyOf(discipline.kind)) return false;
    return !discipline.shared || !hold.isShared || (isFull && permits.has(hold));
  });
  if (obstacle === undefined) return;
  const { kind, token } = obstacle.hold;
  throw new SelfDeadlockError(
    `Waiting for "${resource}" here would never end: this code runs inside a \`using\` that ` +
      `holds it (${kind}, token ${token}) and that ends only after this code. Call it outside of that body, or use ` +
      "the hold that is there.",
    { resource },
  );
}

/** Which kinds know of each other in one process: the two halves of a read/write lock. */
function familyOf(kind: Discipline["kind"]): string {
  return kind === "read" || kind === "write" ? "read-write" : kind;
}
