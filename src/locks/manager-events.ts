import type { LockError } from "../errors.js";
import type { FencingToken } from "../engine/ticket.js";

/** The events of a ZkLockManager. */
export interface ManagerEvents {
  /** The session is connected, for the first time or again. */
  connected: [];
  /** The connection is down and the lease still runs: what is held still stands. */
  suspended: [];
  /** The lease is over or the session has ended: what was held is lost. */
  lost: [];
  /** A client that was handed to `init` met a dead socket. A client of our own goes on in the same session. */
  replaced: [];
  /** A `forceRelease` of this manager ended a hold. */
  "force-released": [hold: { resource: string; token: FencingToken }];
  /**
   * A fault that no call could report, once each. The loss of a hold is not among them: `release`, `using`, `signal`
   * and `lost` report it. As with every emitter, Node ends the process where nobody listens.
   */
  error: [error: LockError];
}
