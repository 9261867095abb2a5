import type { EventEmitter } from "node:events";
import type { LockLostError } from "../errors.js";
import type { ResourceHold } from "../hold/hold.js";
import { later } from "../common/later.js";
import type { FencingToken } from "../engine/ticket.js";

/** The events of a ZkLock and of a ZkSemaphore. */
export interface LockEvents {
  /**
   * Others are ahead of a call of this handle: tasks of this process, and tickets of others as far as we have seen. It
   * is emitted once when the call queues up, and again when the number has changed. Of many changes in a short time
   * only the last one is emitted: every 50 ms at the most, and less often where more than a thousand tasks of this
   * process wait.
   */
  queued: [place: { ahead: number }];
  /** The handle has taken a hold. Entering a hold again is not told. */
  acquired: [token: FencingToken];
  /** The handle has given a hold back for good. */
  released: [token: FencingToken];
  /** The connection to ZooKeeper is down. The hold stands as long as its lease does. */
  suspended: [];
  /** The connection is back, and the hold stands. */
  resumed: [];
  /** The hold ended against our will: stop using the resource. */
  lost: [error: LockLostError];
  /** Somebody asks the holder to give the resource back (see `requestRelease`). */
  "release-requested": [];
}

/** Passes on what becomes of a hold to the listeners of a handle that has taken it. The returned function ends that. */
export function passOnEvents(hold: ResourceHold, handle: EventEmitter<LockEvents>): () => void {
  const suspended = (): void => later(() => handle.emit("suspended"));
  const resumed = (): void => later(() => handle.emit("resumed"));
  // Where nobody listens no error is made: thousands of holds may be lost at one moment.
  const lost = (): void =>
    later(() => {
      if (handle.listenerCount("lost") > 0) handle.emit("lost", hold.lostError);
    });
  const requested = (): void => later(() => handle.emit("release-requested"));
  hold.on("suspended", suspended).on("resumed", resumed).on("lost", lost).on("release-requested", requested);
  return () => {
    hold.removeListener("suspended", suspended).removeListener("resumed", resumed).removeListener("lost", lost);
    hold.removeListener("release-requested", requested);
  };
}
