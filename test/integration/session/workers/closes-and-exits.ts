import { ZkLockManager } from "../../../../src/index.js";

/**
 * A process with all it can have of one session, that closes its manager and exits right behind it. Arguments are the servers, a
 * root directory, how many holds it has, and whether it drains first.
 */
const [servers = "", rootDir = "", holds = "", how = ""] = process.argv.slice(2);
const manager = await ZkLockManager.connect(servers, { rootDir, sessionTimeout: 20_000 });
const count = Number(holds);
for (let index = 0; index < count; index += 1) await manager.createLock(`held-${index}`).acquire();
if (how === "waiting and slots") {
  const pool = manager.createSemaphore("pool", { maxConcurrentHolders: 2 });
  for (const permit of [1, 2]) {
    const hold = await pool.hold();
    console.log(`permit ${permit}, slot ${await hold.slot()}`);
  }
  // The holds that they wait for are of this very session, which ends with all of it.
  const waiting = Array.from({ length: count }, (_, index) =>
    manager.createLock(`held-${index}`, { reentrancy: "none" }).acquire(),
  );
  void Promise.allSettled([...waiting, pool.acquire(), pool.acquire()]);
}
if (how === "a drain") await manager.drain(50);
console.log(`session ${manager.session.id}`);
await manager.close();
process.exit(0);
