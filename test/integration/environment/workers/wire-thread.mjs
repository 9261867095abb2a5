import { parentPort, workerData } from "node:worker_threads";
// The built package: a thread has no loader for our sources.
import { ZkLockManager } from "../../../../dist/index.js";

const { SERVER, rootDir } = workerData;
const manager = await ZkLockManager.connect(SERVER, { client: "wire", rootDir, sessionTimeout: 4_000 });
const lock = manager.createLock("r");
const token = await lock.acquire();
const { holders } = await manager.inspect("r");
const released = await lock.release();
// One that close() has to take back.
await manager.createLock("r").acquire();
await manager.close();
parentPort.postMessage({ token, holders: holders.length, released, state: manager.session.state });
