import { ZkLockManager, type ZkLock } from "../../src/index.js";
import { emit, serve } from "../helpers/worker-side.js";
import { newClient } from "./client.js";

/** A process that locks as fast as it can, on several resources at once, while its connection is cut. */
let manager: ZkLockManager;
let kept: ZkLock;
let holds = 0;
let connects = 0;
let isOver = false;
const sessions = new Set<string>();
let lanes: Promise<unknown> = Promise.resolve();

export const api = {
  connect: async (servers: string, rootDir: string, sessionTimeout: number, client: "own" | "adopted") => {
    if (client === "own") {
      manager = await ZkLockManager.connect(servers, { rootDir, sessionTimeout });
    } else {
      const connect = `${servers},${servers},${servers}`;
      manager = new ZkLockManager({ rootDir }).init(newClient(connect, sessionTimeout));
    }
    manager.on("connected", () => {
      connects += 1;
      sessions.add(manager.session.id);
    });
    manager.on("replaced", () => emit("replaced"));
    manager.on("error", (error) => emit("error", String(error)));
    // Held all the while.
    kept = manager.createLock("kept");
    kept.on("lost", ({ reason }) => emit("lost", reason));
    await kept.acquire();
    sessions.add(manager.session.id);
  },

  /** Keeps so many tasks locking, until `stop`. */
  work: (tasks: number) => {
    lanes = Promise.all(Array.from({ length: tasks }, (_, task) => work(`busy-${task % 4}`)));
  },

  stop: async () => {
    isOver = true;
    await lanes;
    await kept.release();
    return { holds, sessions: [...sessions] };
  },

  state: () => ({
    holds,
    connects,
    sessions: [...sessions],
    session: manager.session,
    kept: { isHeld: kept.isHeld, token: kept.token },
  }),

  close: () => manager.close(),
};

async function work(resource: string): Promise<void> {
  const lock = manager.createLock(resource, { reentrancy: "none" });
  while (!isOver) {
    await lock.acquire();
    holds += 1;
    await lock.release();
  }
}

serve(api);
