/** What lets a client into a session. */
export interface SessionKey {
  readonly id: bigint;
  readonly password: Buffer;
}

/** What the server has agreed to. */
export interface Established extends SessionKey {
  readonly timeoutMs: number;
}

/** The session that was to be resumed is over, says the server. */
export class SessionOverError extends Error {
  override readonly name = "SessionOverError";
}
