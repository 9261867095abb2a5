import { findJava } from "../../scripts/lib/java.mjs";
import { findZooKeeperJars } from "../../scripts/lib/zookeeper-jars.mjs";
import { startZooKeeper, type ServerOptions, type ZooKeeperServer } from "../../scripts/lib/zookeeper-server.mjs";
import { testProperties } from "./test-server.mjs";

export { ZooKeeperServer, type ServerOptions } from "../../scripts/lib/zookeeper-server.mjs";

/**
 * Starts a server for one test, or one file of tests; whoever starts it ends it with `await server.stop()`, in a `finally` or
 * an `afterEach`.
 *
 * Sessions last from 1 to 60 seconds, containers are looked after each second; `options` win over that.
 */
export function startServer(options: ServerOptions = {}): Promise<ZooKeeperServer> {
  return startZooKeeper({ ...options, properties: { ...testProperties, ...options.properties } });
}

/**
 * Whether tests can start servers of their own. Where ZK_CONNECT stands for a server elsewhere, Java need not be there:
 * such tests then say `(canStartServers() ? test : test.skip)("…")`.
 */
export function canStartServers(): boolean {
  return findJava() !== undefined && findZooKeeperJars() !== undefined;
}
