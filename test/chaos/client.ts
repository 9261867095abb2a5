import { createRequire } from "node:module";
import type { ZooKeeperClient } from "../../src/index.js";

/** The package has no ES module. */
const ZooKeeper = createRequire(import.meta.url)("zookeeper") as new (config: object) => ZooKeeperClient;

/** A client as an application makes it for itself, not started yet. */
export function newClient(connect: string, sessionTimeoutMs: number): ZooKeeperClient {
  return new ZooKeeper({ connect, timeout: sessionTimeoutMs, debug_level: 0, response_counter_limit: 2 ** 31 - 1 });
}
