/**
 * Whether a driver threw an error, rather than something else. By its shape: `instanceof` fails for the errors of another realm,
 * such as those of Node's own modules and of a native driver that an earlier test file loaded, where each file runs in a context of
 * its own, as in Jest; and better-sqlite3's are made without Error's constructor, so that `isNativeError` fails too.
 */
export function isError(thrown: unknown): thrown is Error {
  return typeof thrown === "object" && thrown !== null && typeof (thrown as Partial<Error>).message === "string";
}

export function asError(thrown: unknown): Error {
  return isError(thrown) ? thrown : new Error(String(thrown));
}
