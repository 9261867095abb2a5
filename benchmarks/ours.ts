import { ZkLockManager } from "../src/index.js";
import type { Contender } from "./contender.js";

/** `acquire()` and `release()` of this library, each awaited. */
export async function ours(servers: string, rootDir: string): Promise<Contender> {
  const manager = await ZkLockManager.connect(servers, { rootDir });
  const lock = manager.createLock("cycles");
  return {
    name: "zk-lock-manager",
    cycle: async () => {
      await lock.acquire();
      await lock.release();
    },
    close: () => manager.close(),
  };
}
