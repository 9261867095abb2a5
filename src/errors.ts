/** What every error of this library carries, beside its message. */
export interface LockErrorDetails {
  /** The resource that the call was about, where there was one. */
  resource?: string | undefined;
  /** The error that led to this one, where there was one. */
  cause?: unknown;
}

/**
 * The root of every error this library raises. `code` is stable and made for programs, the message for people: it says
 * what happened and what to do next.
 */
export class LockError extends Error {
  /** The name of the error's class. */
  override readonly name: string = "LockError";
  /** A name for programs, which stays the same from version to version: one for each class. */
  readonly code: string = "ERR_LOCK";
  /** The resource that the call was about, where there was one. */
  declare readonly resource?: string;

  constructor(message: string, details: LockErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    if (details.resource !== undefined) this.resource = details.resource;
  }
}

/** What the owner of a ticket says of itself: `host`, `pid`, and the `identity` of its manager. */
export type Identity = Readonly<Record<string, string | number>>;

/** The deadline of an acquire passed before its turn came. */
export class AcquireTimeoutError extends LockError {
  override readonly name = "AcquireTimeoutError";
  override readonly code = "ERR_ACQUIRE_TIMEOUT";
  /** How many tickets were ahead of ours when we last saw the queue; undefined if we never saw it. */
  declare readonly ahead?: number;
  /** Who held the resource at that time, as far as it was known. */
  declare readonly holder?: Identity;

  constructor(
    message: string,
    details: LockErrorDetails & { ahead?: number | undefined; holder?: Identity | undefined },
  ) {
    super(message, details);
    if (details.ahead !== undefined) this.ahead = details.ahead;
    if (details.holder !== undefined) this.holder = details.holder;
  }
}

/** Somebody else holds the resource, and `failImmediate` forbids to wait. */
export class AlreadyLockedError extends LockError {
  override readonly name = "AlreadyLockedError";
  override readonly code = "ERR_ALREADY_LOCKED";
}

/** The call needs a hold, such as `renew` or `assertHeld`, and there is none. */
export class NotHeldError extends LockError {
  override readonly name = "NotHeldError";
  override readonly code = "ERR_NOT_HELD";
}

/**
 * Why a hold ended against our will: its lease ran out, ZooKeeper ended the session, somebody deleted the ticket, or
 * the manager was closed while a caller still held.
 */
export type LossReason = "lease-over" | "session-expired" | "ticket-gone" | "closed";

/** The hold is over against our will: stop using the resource. */
export class LockLostError extends LockError {
  override readonly name = "LockLostError";
  override readonly code = "ERR_LOCK_LOST";
  /** Why the hold ended. */
  readonly reason: LossReason;

  constructor(message: string, details: LockErrorDetails & { reason: LossReason }) {
    super(message, details);
    this.reason = details.reason;
  }
}

/**
 * Why there is no session to wait in. `expired`: it ended while we waited, and another try is served in the next
 * session. `not-connected`: the manager has no client, or the session of the client that was handed to `init` has
 * ended. `draining` and `closed`: the manager is shutting down, or has been closed.
 */
export type SessionLostReason = "expired" | "not-connected" | "draining" | "closed";

/** The session ended while we waited, or there is none. */
export class SessionLostError extends LockError {
  override readonly name: string = "SessionLostError";
  override readonly code: string = "ERR_SESSION_LOST";
  /** Why there is no session. */
  readonly reason: SessionLostReason;

  constructor(message: string, details: LockErrorDetails & { reason?: SessionLostReason | undefined } = {}) {
    super(message, details);
    this.reason = details.reason ?? "expired";
  }
}

/** The manager is shutting down, or has been closed. Another try with it does not help. */
export class ManagerClosedError extends SessionLostError {
  override readonly name = "ManagerClosedError";
  override readonly code = "ERR_MANAGER_CLOSED";
  declare readonly reason: "draining" | "closed";

  constructor(message: string, details: LockErrorDetails & { reason?: "draining" | "closed" | undefined } = {}) {
    super(message, { ...details, reason: details.reason ?? "closed" });
  }
}

/**
 * The session has as many tickets as ZooKeeper can delete in one transaction; with more, no server could read that
 * transaction back. Give some holds back, or use another manager, which has a session of its own.
 */
export class SessionFullError extends LockError {
  override readonly name = "SessionFullError";
  override readonly code = "ERR_SESSION_FULL";
}

/** No server answered within the connect timeout. */
export class ConnectError extends LockError {
  override readonly name = "ConnectError";
  override readonly code = "ERR_CONNECT";
}

/** ZooKeeper refused the call, by the ACL of a node or because the authentication failed. */
export class AccessDeniedError extends LockError {
  override readonly name = "AccessDeniedError";
  override readonly code = "ERR_ACCESS_DENIED";
}

/** The semaphore is in use with another number of permits. */
export class LimitMismatchError extends LockError {
  override readonly name = "LimitMismatchError";
  override readonly code = "ERR_LIMIT_MISMATCH";

  constructor(
    /** The limit that the call asked for. */
    readonly wanted: number,
    /** The limit that is stored with the resource. */
    readonly limit: number,
    details: LockErrorDetails = {},
  ) {
    super(
      `The semaphore has ${limit} permits, not ${wanted}. Ask for as many, or change it for everybody with ` +
        "`replaceLimit`.",
      details,
    );
  }
}

/** A holder of the read lock asked for the write lock. It would wait for its own read lock for ever. */
export class UpgradeRefusedError extends LockError {
  override readonly name = "UpgradeRefusedError";
  override readonly code = "ERR_UPGRADE_REFUSED";
}

/** Code inside a `using` asked for the very hold that it runs in, and cannot enter it. It would wait for ever. */
export class SelfDeadlockError extends LockError {
  override readonly name = "SelfDeadlockError";
  override readonly code = "ERR_SELF_DEADLOCK";
}

/** A name or an option is not valid. The error is thrown at once, before anything is sent. */
export class InvalidArgumentError extends LockError {
  override readonly name = "InvalidArgumentError";
  override readonly code = "ERR_INVALID_ARGUMENT";
}

/** The token would not fit a safe integer. The acquire is refused; a token is never rounded. */
export class TokenRangeError extends LockError {
  override readonly name = "TokenRangeError";
  override readonly code = "ERR_TOKEN_RANGE";
}

/** A fence guard refused a write: the store has seen a higher token, so this hold is over. Nothing was written. */
export class StaleTokenError extends LockError {
  override readonly name = "StaleTokenError";
  override readonly code = "ERR_STALE_TOKEN";
  /** The token that was refused. */
  readonly token: number;
  /** The highest token that the store has seen for this resource. */
  readonly highest: number;

  constructor(message: string, details: LockErrorDetails & { token: number; highest: number }) {
    super(message, details);
    this.token = details.token;
    this.highest = details.highest;
  }
}

/**
 * A copy of an error for one caller of several, so that its stack says who called. It keeps the cause of the first one.
 * An error that is not ours is handed through.
 */
export function retold(error: unknown, resource: string | undefined): unknown {
  if (!(error instanceof LockError)) return error;
  const details = { resource, cause: error.cause };
  if (error instanceof LimitMismatchError) return new LimitMismatchError(error.wanted, error.limit, details);
  const SameError = error.constructor as new (message: string, details: object) => LockError;
  const { reason } = error as { reason?: unknown };
  return new SameError(error.message, { ...details, reason });
}
