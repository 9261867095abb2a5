import type { LockError } from "../errors.js";
import type { FencingToken } from "../engine/ticket.js";

/** What a manager tells its listeners. */
export interface ManagerEvents {
  /** In touch with ZooKeeper, for the first time or again. */
  connected: [];
  /** Out of touch, with the lease still running: what is held still stands. */
  suspended: [];
  /** The lease is over or the session has ended: what was held is lost. */
  lost: [];
  /** A client that was handed to `init` met a dead socket, and goes on as a client of our own, in the same session. */
  replaced: [];
  /** `forceRelease` ended a hold from here. */
  "force-released": [hold: { resource: string; token: FencingToken }];
  /**
   * A fault that no call could be told of, once each. (The loss of a hold is none: `release`, `using`, `signal` and `lost` tell it.) As
   * with every emitter, Node ends the process where nobody listens.
   */
  error: [error: LockError];
}
