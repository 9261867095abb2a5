import type { ResourceHold } from "../hold/hold.js";
import type { LocalQueue } from "./local-queue.js";
import type { Owning } from "./owner.js";
import type { Target } from "../queue/target.js";
import type { LookPort } from "../engine/queue-port.js";

/** What a lock needs of its manager. */
export interface LockHome {
  readonly target: Target;
  readonly owning: Owning;
  readonly failImmediate: boolean;
  readonly acquireTimeoutMs: number | undefined;
  /** The process's own queue for the resource, made on demand. */
  queue(): LocalQueue;
  /** The same, if there is any: nobody holds or waits where there is none. */
  existingQueue(): LocalQueue | undefined;
  /** Whether a hold is one of this manager's, of this resource, of whatever kind. */
  isOfResource(hold: ResourceHold): boolean;
  /** Whether a bare acquire of this process holds the resource, or waits for it; of either half of a read/write lock. */
  processHasIt(): boolean;
  lookPort(): Promise<LookPort>;
  /** Throws what a lock of a closed manager says. */
  assertOpen(): void;
}
