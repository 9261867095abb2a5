import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConnectOptions, type ZkLock, ZkLockManager } from "../../../src/index.js";
import { emit, serve } from "../worker-side.js";

/** A process of its own that takes part. */
let manager: ZkLockManager | undefined;
const kept: ZkLock[] = [];

function connected(): ZkLockManager {
  if (manager === undefined) throw new Error("Not connected yet.");
  return manager;
}

async function keep(lock: ZkLock): Promise<number> {
  kept.push(lock);
  return lock.acquire();
}

export const api = {
  connect: async (servers: string, options: ConnectOptions) => {
    manager = await ZkLockManager.connect(servers, options);
  },
  lock: (resource: string) => keep(connected().createLock(resource)),
  permit: (resource: string, maxConcurrentHolders: number) =>
    keep(connected().createSemaphore(resource, { maxConcurrentHolders })),
  slot: async (resource: string, maxConcurrentHolders: number) => {
    const lock = connected().createSemaphore(resource, { maxConcurrentHolders });
    await keep(lock);
    return lock.slot();
  },
  /** Watches, with a listener that throws each time; resolves when so many events have come. What was thrown is told along. */
  watchAndThrow: async (resource: string, count: number) => {
    const uncaught: string[] = [];
    process.on("uncaughtException", (error) => uncaught.push(error.message));
    const watcher = connected().watch(resource);
    watcher.on("locked", () => {
      throw new Error("a listener's own");
    });
    const heard: string[] = [];
    watcher.on("event", ({ type }) => {
      heard.push(type);
      emit("heard", type);
      throw new Error("another listener's own");
    });
    const iterated: string[] = [];
    for await (const { type } of watcher) {
      iterated.push(type);
      if (iterated.length === count) break;
    }
    watcher.close();
    return { uncaught, heard, iterated };
  },
  release: async () => {
    for (const lock of kept.splice(0)) await lock.release();
  },

  /** So many holds of a permit, one after the other in each of three tasks; each notes when it begins and ends. */
  permits: async (resource: string, maxConcurrentHolders: number, times: number, file: string) => {
    const lock = connected().createSemaphore(resource, { maxConcurrentHolders });
    const task = async (): Promise<void> => {
      for (let left = times; left > 0; left -= 1) {
        await lock.using(async () => {
          appendFileSync(file, "+\n");
          // Longer than a hand-over takes, so that at times all permits are in use.
          await sleep(5 + Math.random() * 10);
          appendFileSync(file, "-\n");
        });
        if (Math.random() < 0.3) await sleep(Math.random() * 4);
      }
    };
    await Promise.all([task(), task(), task()]);
  },

  /** The same with readers and writers: `R` and `r`, `W` and `w`. */
  readAndWrite: async (resource: string, times: number, file: string) => {
    const { read, write } = connected().createReadWriteLock(resource, { reentrancy: "none" });
    const task = async (lock: ZkLock, begin: string, end: string): Promise<void> => {
      for (let left = times; left > 0; left -= 1) {
        await lock.using(async () => {
          appendFileSync(file, `${begin}\n`);
          await sleep(Math.random() * 4);
          appendFileSync(file, `${end}\n`);
        });
      }
    };
    await Promise.all([task(read, "R", "r"), task(read, "R", "r"), task(write, "W", "w")]);
  },

  /** Holds in one turn after the other, each noted by this process's name. */
  turns: async (resource: string, name: string, times: number, file: string) => {
    const lock = connected().createLock(resource, { reentrancy: "none" });
    await Promise.all(
      Array.from({ length: times }, () =>
        lock.using(async ({ token }) => {
          appendFileSync(file, `${name} ${token}\n`);
          await sleep(1);
        }),
      ),
    );
  },
};

serve(api);
