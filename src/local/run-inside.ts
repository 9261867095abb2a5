import { insideOf } from "./owner.js";
import type { Taking } from "./taking.js";

/**
 * Runs `body` inside the holds that were taken for it, and gives them back on every way out, the latest first. An error of the body
 * wins over one of the release.
 * @throws LockLostError if a hold was lost while the body ran, even if the body ended well; its cause is the body's error
 */
export async function runInside<T>(takings: readonly Taking[], body: () => Promise<T> | T): Promise<T> {
  const outcome = await settled(insideOf(takings, async () => body()));
  const [released] = await Promise.allSettled([giveBackAll(takings)]);
  // Looked at after the release, which consults the clock; a body that was told by a release of its own is told again.
  const lost = takings.find(({ hold }) => hold.loss !== null);
  if (lost !== undefined) throw lost.hold.lossError(outcome.status === "rejected" ? outcome.reason : undefined);
  if (outcome.status === "rejected") throw outcome.reason;
  if (released.status === "rejected") throw released.reason;
  return outcome.value;
}

/** Gives all back, the latest first, whatever becomes of one of them. @throws the first error, once all are given back */
export async function giveBackAll(takings: readonly Taking[]): Promise<void> {
  const errors: unknown[] = [];
  for (const taking of takings.toReversed()) await taking.giveBack().catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}

async function settled<T>(work: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [result] = await Promise.allSettled([work]);
  return result;
}
