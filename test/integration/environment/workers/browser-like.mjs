/* global EventTarget, Event */
// As jsdom has it: timers are numbers, there is no setImmediate, and classes are its own.
const realSetTimeout = globalThis.setTimeout;
globalThis.setTimeout = (action, ms) => Number(realSetTimeout(action, ms)[Symbol.toPrimitive]());
globalThis.setInterval = () => 1;
delete globalThis.setImmediate;
delete globalThis.clearImmediate;

class OtherSignal extends EventTarget {
  aborted = false;
  reason = undefined;
  throwIfAborted() {
    if (this.aborted) throw this.reason;
  }
  abort(reason) {
    this.aborted = true;
    this.reason = reason;
    this.dispatchEvent(new Event("abort"));
  }
}

const { ZkLockManager } = await import("../../../../dist/index.js");
const [servers, rootDir] = process.argv.slice(2);
const manager = await ZkLockManager.connect(servers, { rootDir, sessionTimeout: 4_000 });
const rival = await ZkLockManager.connect(servers, { rootDir, sessionTimeout: 4_000 });
const lock = manager.createLock("browser-like");
await lock.acquire({ timeout: 5_000 });
const late = await rival
  .createLock("browser-like")
  .acquire({ timeout: 100 })
  .catch(({ code }) => code);
const signal = new OtherSignal();
const waiting = rival
  .createLock("browser-like")
  .acquire({ signal })
  .catch((reason) => reason);
signal.abort("enough");
const aborted = await waiting;
await lock.release();
await manager.close();
await rival.close();
console.log(JSON.stringify({ late, aborted }));
