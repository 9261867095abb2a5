import { step } from "./progress.mjs";
import { startZooKeeper } from "./zookeeper-server.mjs";

/**
 * Runs `body(connectString)` beside a ZooKeeper: the one of ZK_CONNECT, or a private one that is gone afterwards, also
 * after an error. (Should this process be killed, its reaper ends the server.)
 */
export async function withZooKeeper(body, options = {}) {
  if (process.env.ZK_CONNECT) return body(process.env.ZK_CONNECT);
  const server = await step("a private ZooKeeper", () => startZooKeeper(options));
  try {
    return await body(server.connectString);
  } finally {
    await server.stop();
  }
}
