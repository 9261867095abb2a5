import type { Clock } from "../common/clock.js";
import type { ClientConfig } from "../zookeeper/client/client.js";
import type { InMemoryClient } from "./client/client.js";
import type { HazardKind } from "./client/client-observer.js";

/** The options of `new InMemoryZooKeeper()`. */
export interface InMemoryZooKeeperOptions {
  /** The clock that the servers live by. Default: the machine's. */
  clock?: Clock;
  /** The seed of the random numbers that decide on latencies, orders and chances. Default 1. */
  seed?: number;
  /** How long a message takes, one way, in milliseconds; a range is drawn from anew for each message. Default 0. */
  latencyMs?: number | { min: number; max: number };
  /** The servers' tick, in milliseconds. Sessions expire on ticks. Default 2000. */
  tickTimeMs?: number;
  /** The shortest session timeout that a client can get, in milliseconds. Default: two ticks. */
  minSessionTimeoutMs?: number;
  /** The longest session timeout that a client can get, in milliseconds. Default: twenty ticks. */
  maxSessionTimeoutMs?: number;
  /** Servers that clients can be attached to beside the leader. Default 0. */
  followers?: number;
  /** Where the create counter of a directory starts, by path, the first time that the directory is made. Default 0. */
  counters?: Record<string, number>;
  /** How often empty containers are deleted, in milliseconds. Default 0: only by `reapContainers()`. */
  reapEveryMs?: number;
  /** How probable it is that a close with unanswered requests leaves the session alive, as it can. Default 0. */
  closeLosesRequests?: number;
  /** The leader's epoch, the high 32 bits of a zxid. Default 1. */
  epoch?: number;
  /** The number from which transactions are counted, in place of the epoch's first. */
  firstZxid?: number;
}

/** The options of `InMemoryZooKeeper.client()`. */
export interface InMemoryClientOptions extends ClientConfig {
  /** The clock of the client's process, as `VirtualClock.process()` makes it. Default: the ensemble's. */
  clock?: Clock;
  /** Which server it is connected to: 0 (default) is the leader, 1 the first follower. */
  server?: number;
}

/** Something the client did that kills the process of a real one, or the servers. */
export interface Hazard {
  /** What was done. */
  readonly kind: HazardKind;
  /** The client that did it; for a session, the last one that it was served by. */
  readonly client: InMemoryClient;
  /** When it was done, by the ensemble's monotonic clock, in milliseconds. */
  readonly atMs: number;
}
