import { appendFileSync } from "node:fs";
import { type ConnectOptions, type FencingToken, type ZkLock, ZkLockManager } from "../../../src/index.js";
import { emit, serve } from "../worker-side.js";

/** A process of its own that locks. */
let manager: ZkLockManager | undefined;
const locks = new Map<string, ZkLock>();

function lockOf(resource: string): ZkLock {
  if (manager === undefined) throw new Error("Not connected yet.");
  const lock = locks.get(resource) ?? manager.createLock(resource);
  locks.set(resource, lock);
  return lock;
}

/** What a hold says of itself. */
interface Statement {
  isHeld: boolean;
  token: FencingToken | null;
  aborted: boolean;
}

function statement(lock: ZkLock): Statement {
  return { isHeld: lock.isHeld, token: lock.token, aborted: lock.signal.aborted };
}

export const api = {
  connect: async (servers: string, options: ConnectOptions) => {
    manager = await ZkLockManager.connect(servers, options);
  },
  acquire: (resource: string) => lockOf(resource).acquire(),
  release: (resource: string) => lockOf(resource).release(),
  state: (resource: string) => statement(lockOf(resource)),

  /** Takes and gives back the lock `times` times, and appends each token to a file while holding. */
  cycle: async (resource: string, times: number, file: string) => {
    const lock = lockOf(resource);
    for (let left = times; left > 0; left -= 1) {
      appendFileSync(file, `${await lock.acquire()}\n`);
      await lock.release();
    }
  },

  /**
   * Never leaves this turn of the event loop until it finds itself to have been stopped for `gapMs`: what the hold says then is
   * said on the very next line, before any event or timer. `before` is what it said on the line before the gap.
   */
  sleepwalk: (resource: string, gapMs: number): { before: Statement; after: Statement } => {
    const lock = lockOf(resource);
    emit("walking");
    const end = performance.now() + 30_000;
    let before = statement(lock);
    // No moment is left out: a stop in the middle of a statement is seen as well as one in between.
    for (let seen = performance.now(); seen < end;) {
      while (performance.now() - seen < 1);
      const now = performance.now();
      if (now - seen > gapMs) return { before, after: statement(lock) };
      const next = statement(lock);
      seen = performance.now();
      if (seen - now > gapMs) return { before, after: statement(lock) };
      before = next;
    }
    throw new Error("Nobody stopped this process.");
  },

  /** The same, and then acquires at once. */
  sleepwalkAndAcquire: async (resource: string, gapMs: number): Promise<Statement> => {
    const lock = lockOf(resource);
    lock.once("lost", () => emit("lost"));
    emit("walking");
    const end = performance.now() + 30_000;
    for (let seen = performance.now(), gap = 0; seen < end && gap <= gapMs;) {
      while (performance.now() - seen < 1);
      gap = performance.now() - seen;
      seen += gap;
    }
    await lock.acquire();
    return statement(lock);
  },
};

serve(api);
