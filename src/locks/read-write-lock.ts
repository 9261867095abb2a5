import { read, write } from "../queue/discipline.js";
import { ZkLock } from "./lock.js";
import type { LockOptions } from "../options.js";
import type { LocalQueues } from "../local/local-queues.js";

/**
 * Many readers, or one writer, in queue order: a reader waits for the writers before it, a writer for all before it. So
 * no stream of readers keeps a writer out.
 *
 * A holder of the write lock may take the read lock too, and release the write lock then: a downgrade, with nobody in
 * between. The other way is refused with UpgradeRefusedError.
 */
export class ZkReadWriteLock {
  /** The name of the resource. */
  readonly resource: string;
  /** The shared lock of readers. Its token tells holds apart, but does not fence writes. */
  readonly read: ZkLock;
  /** The exclusive lock of writers, with a fencing token. */
  readonly write: ZkLock;

  /** @internal Locks are made by their manager. */
  constructor(queues: LocalQueues, resource: string, options: LockOptions) {
    this.resource = resource;
    this.read = new ZkLock(queues.home(resource, read, options));
    this.write = new ZkLock(queues.home(resource, write, options));
  }
}
