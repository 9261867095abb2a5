import { performance } from "node:perf_hooks";
import { parentPort } from "node:worker_threads";
// The built package: a thread has no loader for our sources.
import { ZkLockManager } from "../../../../dist/index.js";
import { InMemoryZooKeeper } from "../../../../dist/testing/index.js";

/** What a worker thread can do, and what it is told of the rest. */
const described = ({ name, code, message }) => ({ name, code, message });

async function connect() {
  const started = performance.now();
  const error = await ZkLockManager.connect(() => new Promise(() => undefined)).catch(described);
  return { error, tookMs: performance.now() - started };
}

function init() {
  // What tells the package's client from others is the binding below it.
  const client = { native: {}, state: 0, client_id: "0", config: { connect: "127.0.0.1:1" } };
  try {
    return new ZkLockManager().init(client);
  } catch (error) {
    return described(error);
  }
}

async function inMemory() {
  const manager = new ZkLockManager().init(new InMemoryZooKeeper().client());
  const lock = manager.createLock("r");
  const token = await lock.acquire();
  await lock.release();
  await manager.close();
  return token;
}

parentPort.postMessage({ connect: await connect(), init: init(), token: await inMemory() });
