/**
 * Whether a driver threw an error, rather than something else. By its shape: `instanceof` fails for the errors of
 * another realm, such as those of Node's own modules and of a native driver that an earlier test file loaded, where
 * each file runs in a context of its own, as in Jest; and better-sqlite3's are made without Error's constructor, so
 * that `isNativeError` fails too.
 */
export function isError(thrown: unknown): thrown is Error {
  return typeof thrown === "object" && thrown !== null && typeof (thrown as Partial<Error>).message === "string";
}

export function asError(thrown: unknown): Error {
  return isError(thrown) ? thrown : new Error(String(thrown));
}

/**
 * The error itself and those inside it: what is built on a driver wraps the driver's errors, as `cause` (Drizzle),
 * `driverError` (TypeORM) or `original` (Sequelize).
 */
export function errorsIn(thrown: unknown): Error[] {
  const found: Error[] = [];
  const look = (one: unknown): void => {
    if (!isError(one) || found.includes(one)) return;
    found.push(one);
    const { cause, driverError, original } = one as { cause?: unknown; driverError?: unknown; original?: unknown };
    for (const inner of [cause, driverError, original]) look(inner);
  };
  look(thrown);
  return found;
}
