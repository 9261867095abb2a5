import { createRequire } from "node:module";
import type { ClientConfig, PackageClient } from "../../src/zookeeper/client/client.js";

/** The client as an application makes it. Its package has no ES module, and its types name none: so our own interface stands in. */
export const ZooKeeper = createRequire(import.meta.url)("zookeeper") as new (config?: ClientConfig) => PackageClient;
