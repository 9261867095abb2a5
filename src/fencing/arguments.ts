import { InvalidArgumentError } from "../errors.js";
import { FenceSetupError } from "./errors.js";
import type { FencingToken } from "./fence-guard.js";

const MAX_RESOURCE_BYTES = 512;
const LONGEST_TIME_MS = 2 ** 31 - 1;

/** Throws InvalidArgumentError unless `resource` is a name that a lock could have: the same rule as the lock's. */
export function checkResource(resource: unknown): asserts resource is string {
  if (typeof resource !== "string" || resource === "" || resource.includes("\0")) {
    throw new InvalidArgumentError(`A resource name is a non-empty string without NUL; got ${show(resource)}.`);
  }
  const bytes = Buffer.from(resource);
  if (bytes.length > MAX_RESOURCE_BYTES) {
    throw new InvalidArgumentError(
      `A resource name has at most ${MAX_RESOURCE_BYTES} bytes of UTF-8; this one has ${bytes.length}.`,
    );
  }
  // An unpaired surrogate has no UTF-8: on the way to the store, two such names would become one.
  if (bytes.toString() !== resource) {
    throw new InvalidArgumentError(`A resource name has no unpaired surrogate: ${show(resource)}.`);
  }
}

/** Throws InvalidArgumentError unless `token` is a safe integer of at least 0. */
export function checkToken(token: unknown): asserts token is FencingToken {
  if (!Number.isSafeInteger(token) || (token as number) < 0) {
    throw new InvalidArgumentError(
      `A fencing token is a safe integer of at least 0, as acquire() gives it; got ${show(token)}.`,
    );
  }
}

/** `timeMs`, or `standard` where it is undefined. Throws InvalidArgumentError unless it is a whole number above 0. */
export function timeOption(name: string, timeMs: number | undefined, standard: number): number {
  if (timeMs === undefined) return standard;
  if (!Number.isInteger(timeMs) || timeMs < 1 || timeMs > LONGEST_TIME_MS) {
    throw new InvalidArgumentError(
      `${name} is a whole number of milliseconds from 1 to ${LONGEST_TIME_MS}; got ${show(timeMs)}.`,
    );
  }
  return timeMs;
}

/**
 * A token as a store's driver hands it out (text, number or bigint), as the number it is. FenceSetupError for all else.
 */
export function readToken(stored: unknown): FencingToken {
  const text = typeof stored === "number" || typeof stored === "bigint" ? String(stored) : stored;
  // Only the form in which the guards write: Number() would take null, "", "0x7" and "1e3" for tokens too.
  const token = typeof text === "string" && /^(0|[1-9]\d*)$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(token)) {
    throw new FenceSetupError(
      `The store holds ${show(stored)} where a fencing token belongs: no guard wrote that. It was left as it is. ` +
        "Find out who wrote it, and put the highest token there that was ever used.",
    );
  }
  return token;
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
