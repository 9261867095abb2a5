import { types } from "node:util";

/**
 * Whether a driver threw an error, rather than something else. Neither check alone will do: better-sqlite3's errors are made
 * without Error's constructor, and those of Node's own modules are of another realm where the program runs in a context of
 * its own, as in Jest.
 */
export function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || types.isNativeError(thrown);
}

export function asError(thrown: unknown): Error {
  return isError(thrown) ? thrown : new Error(String(thrown));
}
