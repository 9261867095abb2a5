import { startZooKeeper } from "../../scripts/lib/zookeeper-server.mjs";
import { testProperties } from "./test-server.mjs";

/** The run's own server; undefined where ZK_CONNECT names one. */
export let server;

/**
 * Jest's globalSetup: one server for the whole run, at ZK_TEST_CONNECT, or the one that ZK_CONNECT names. It can be shared
 * because each test locks below a root directory of its own; a test that stops, cuts or counts starts its own server.
 *
 * Plain JavaScript, because Jest loads this file the CommonJS way if it is TypeScript, and from there no ES module can be
 * reached on Node 20.
 */
export default async function setUp() {
  server = process.env.ZK_CONNECT ? undefined : await startZooKeeper({ properties: testProperties });
  process.env.ZK_TEST_CONNECT = server?.connectString ?? process.env.ZK_CONNECT;
}
