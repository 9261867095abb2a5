/** What lets a client into a session. */
export interface SessionKey {
  readonly id: bigint;
  readonly password: Buffer;
}

/** A session's id as the rest of the library, and the `zookeeper` package, write it. */
export function writeSessionId(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16);
}

/** What the server has agreed to. */
export interface Established extends SessionKey {
  readonly timeoutMs: number;
}

/** The session that was to be resumed is over, says the server. */
export class SessionOverError extends Error {
  override readonly name = "SessionOverError";
}
