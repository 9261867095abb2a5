import type { ZooKeeperClient } from "../../src/index.js";
import { ZooKeeper } from "../helpers/zookeeper-package.js";

/** A client as an application makes it for itself, not started yet. */
export function newClient(connect: string, sessionTimeoutMs: number): ZooKeeperClient {
  return new ZooKeeper({ connect, timeout: sessionTimeoutMs, debug_level: 0 });
}
