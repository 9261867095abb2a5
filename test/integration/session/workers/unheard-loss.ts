import { ZkLockManager } from "../../../../src/index.js";

/** What somebody writes who follows the README, without any listener. Arguments are the servers and a root directory. */
const [servers = "", rootDir = ""] = process.argv.slice(2);
const manager = await ZkLockManager.connect(servers, { rootDir, sessionTimeout: 10_000 });
const lock = manager.createLock("resource");
await lock.acquire();
try {
  console.log("acquired");
  // Another request of the same process.
  while (lock.isHeld) await new Promise((resolve) => setTimeout(resolve, 5));
} finally {
  try {
    await lock.release();
  } catch (error) {
    console.log("caught", (error as { code: string }).code);
  }
}
await manager.close();
console.log("closed");
