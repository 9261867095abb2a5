import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { setImmediate as turn } from "node:timers/promises";
import { type ZkLock, ZkLockManager } from "../../../src/index.js";
import { InMemoryZooKeeper } from "../../../src/testing/index.js";
import { until } from "../../helpers/until.js";

/** So many where it all happens in memory, and so many where each one costs requests. */
const FEW = 5_000;
const FEW_WITH_TICKETS = 1_000;
/** With so many times more, quadratic work takes sixteen times as long, and linear work four times. */
const MORE = 4;
const MANY = MORE * FEW;
/** Between the two, nearer to the second: the small run is short, and a collection of garbage may fall into it. */
const LEAST_GROWTH_OF_A_FAULT = 10;

let ensemble: InMemoryZooKeeper;
let managers: ZkLockManager[];
beforeEach(() => {
  ensemble = new InMemoryZooKeeper();
  managers = [];
});
afterEach(() => closeAll());

/** With a session that outlives a busy machine's pauses. */
function newManager(): ZkLockManager {
  const manager = new ZkLockManager().init(ensemble.client({ timeout: 40_000 }));
  managers.push(manager);
  return manager;
}

/** The processor time of this process: that of a busy machine's other processes is not in it. */
async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

interface Run {
  readonly few?: number;
  /** What is not measured; resolves with what is. */
  readonly prepare: (count: number) => Promise<() => Promise<unknown>>;
}

async function closeAll(): Promise<void> {
  await Promise.all(managers.splice(0).map((manager) => manager.close()));
}

/** The better of two runs each: what else happens in the process makes a run slower, never quicker. */
async function growth({ prepare, few: count = FEW }: Run): Promise<number> {
  const costOf = async (count: number): Promise<number> => {
    const costs: number[] = [];
    for (let round = 0; round < 2; round += 1) {
      costs.push(await cpuMs(await prepare(count)));
      await closeAll();
    }
    return Math.min(...costs);
  };
  await costOf(100);
  const few = await costOf(count);
  return (await costOf(MORE * count)) / few;
}

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

/** So many acquires behind a hold of the same process. */
async function queueUp(count: number, options: { signal?: AbortSignal } = {}): Promise<[ZkLock, Promise<unknown>[]]> {
  const lock = newManager().createLock("r", { reentrancy: "none" });
  await lock.acquire();
  return [lock, many(count, () => caught(lock.acquire(options)))];
}

async function holdMany(count: number): Promise<ZkLock[]> {
  const manager = newManager();
  const locks = many(count, (index) => manager.createLock(`r${index}`));
  await Promise.all(locks.map((lock) => lock.acquire()));
  return locks;
}

const RUNS: Record<string, Run> = {
  "queueing up behind a hold of one's own process": {
    prepare: async (count) => {
      const [lock] = await queueUp(0);
      return async () => {
        for (let index = 0; index < count; index += 1) void caught(lock.acquire());
        await turn();
      };
    },
  },
  "entering one wait for another process": {
    prepare: async (count) => {
      const resource = `r${managers.length}`;
      await newManager().createLock(resource).acquire();
      const lock = newManager().createLock(resource);
      return async () => {
        for (let index = 0; index < count; index += 1) void caught(lock.acquire());
        await turn();
      };
    },
  },
  "handing a lock from task to task": {
    few: FEW_WITH_TICKETS,
    prepare: async (count) => {
      const [lock, waiting] = await queueUp(count);
      return async () => {
        const handed = waiting.map((granted) => granted.then(() => lock.release()));
        await lock.release();
        await Promise.all(handed);
      };
    },
  },
  "a storm of aborts": {
    prepare: async (count) => {
      const abort = new AbortController();
      const [, waiting] = await queueUp(count, { signal: abort.signal });
      return async () => {
        abort.abort("enough");
        expect(new Set(await Promise.all(waiting))).toEqual(new Set(["enough"]));
      };
    },
  },
  "trying for what is held": {
    prepare: async (count) => {
      const [lock] = await queueUp(0);
      return () => Promise.all(many(count, () => lock.tryAcquire()));
    },
  },
  "closing with tasks that wait": {
    prepare: async (count) => {
      const [, waiting] = await queueUp(count);
      return () => Promise.all([managers.at(-1)!.close(), ...waiting]);
    },
  },
  "releasing many holds": {
    few: 3 * FEW_WITH_TICKETS,
    prepare: async (count) => {
      const locks = await holdMany(count);
      return () => Promise.all(locks.map((lock) => lock.release()));
    },
  },
  "closing with many holds": {
    few: FEW_WITH_TICKETS,
    prepare: async (count) => {
      await holdMany(count);
      return () => managers.at(-1)!.close();
    },
  },
  "taking many permits": {
    few: FEW_WITH_TICKETS,
    prepare: (count) => {
      const permits = newManager().createSemaphore(`p${count}`, { maxConcurrentHolders: count });
      return Promise.resolve(() => Promise.all(many(count, () => permits.acquire())));
    },
  },
  "giving many permits back": {
    few: FEW_WITH_TICKETS,
    prepare: async (count) => {
      const permits = newManager().createSemaphore(`p${count}`, { maxConcurrentHolders: count });
      await Promise.all(many(count, () => permits.acquire()));
      return () => Promise.all(many(count, () => permits.release()));
    },
  },
};

describe("the cost of many tasks grows with their number, not with its square:", () => {
  test.each(Object.entries(RUNS))(
    "%s",
    async (_, run) => expect(await growth(run)).toBeLessThan(LEAST_GROWTH_OF_A_FAULT),
    120_000,
  );
});

describe("what happens to very many at once leaves room for everything else:", () => {
  /** How many turns of the event loop it took to tell them all, and how many were told in the one with most. */
  async function turnsFor(work: () => Promise<unknown>[]): Promise<{ turns: number; most: number }> {
    const perTurn = [0];
    let isOver = false;
    const count = (): void => {
      perTurn.push(0);
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await Promise.all(work().map((outcome) => outcome.then(() => (perTurn[perTurn.length - 1] = perTurn.at(-1)! + 1))));
    isOver = true;
    return { turns: perTurn.filter((told) => told > 0).length, most: Math.max(...perTurn) };
  }
  /** Twice what is done in a turn: the last of one turn and the first of the next may fall between two of our counts. */
  const MOST_IN_A_TURN = 500;

  test("an abort", async () => {
    const abort = new AbortController();
    const [, waiting] = await queueUp(MANY, { signal: abort.signal });
    const { turns, most } = await turnsFor(() => (abort.abort(), waiting));
    expect(turns).toBeGreaterThanOrEqual(MANY / MOST_IN_A_TURN);
    expect(most).toBeLessThanOrEqual(MOST_IN_A_TURN);
  });

  test("a moment at which the time of all is over", async () => {
    const lock = newManager().createLock("r", { reentrancy: "none" });
    await lock.acquire();
    const { most } = await turnsFor(() => many(MANY, () => caught(lock.acquire({ timeout: 1 }))));
    expect(most).toBeLessThanOrEqual(MOST_IN_A_TURN);
    // None of them took a ticket for the moment in which those before it had left.
    expect(ensemble.tickets("/locks/r").length).toBeLessThan(10);
  });

  test("close()", async () => {
    const [, waiting] = await queueUp(MANY);
    const { most } = await turnsFor(() => (void managers.at(-1)!.close(), waiting));
    expect(most).toBeLessThanOrEqual(MOST_IN_A_TURN);
  });

  test("a grant that lets all callers in", async () => {
    const holder = newManager().createLock("r");
    await holder.acquire();
    const lock = newManager().createLock("r");
    const waiting = many(MANY, () => lock.acquire());
    const { most } = await turnsFor(() => (void holder.release(), waiting));
    expect(most).toBeLessThanOrEqual(MOST_IN_A_TURN);
    expect(new Set(await Promise.all(waiting)).size).toBe(1);
    expect(lock.holdCount).toBe(MANY);
  });

  test("one that aborts in the very turn of the grant has no hold, whether it has heard of the abort or not", async () => {
    const holder = newManager().createLock("r");
    await holder.acquire();
    const abort = new AbortController();
    const lock = newManager().createLock("r");
    const waiting = many(1_000, () => caught(lock.acquire({ signal: abort.signal })));
    const patient = lock.acquire();
    await until(() => ensemble.tickets("/locks/r").length === 2, { what: "the ticket" });
    void holder.release();
    abort.abort("enough");
    await patient;
    expect(lock.holdCount).toBe(1);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["enough"]));
    await lock.release();
    expect(ensemble.tickets("/locks/r")).toEqual([]);
  });
});

test("a burst of readers of one process is granted side by side, however many", async () => {
  const { read } = newManager().createReadWriteLock("r", { reentrancy: "none" });
  const tokens = await Promise.all(many(50, () => read.acquire()));
  expect(new Set(tokens).size).toBe(50);
  await Promise.all(tokens.map(() => read.release()));
});

describe("'queued'", () => {
  function hear(lock: ZkLock): number[] {
    const heard: number[] = [];
    lock.on("queued", ({ ahead }) => heard.push(ahead));
    return heard;
  }

  test("is told once to each of thousands that enter one wait behind a hold of their own process", async () => {
    const manager = newManager();
    const holder = manager.createLock("r", { reentrancy: "none" });
    await holder.acquire();
    const lock = manager.createLock("r");
    const heard = hear(lock);
    const waiting = many(2_000, () => lock.acquire());
    await until(() => ensemble.tickets("/locks/r").length === 2, { what: "the ticket" });
    await turn();
    expect(heard.length).toBeLessThanOrEqual(2_000);
    expect(new Set(heard)).toEqual(new Set([1]));
    await holder.release();
    await Promise.all(waiting);
    expect(heard.length).toBeLessThanOrEqual(2_000);
  });

  test("tells one in memory its place when it queues up, and again when that has changed, by any cause", async () => {
    const manager = newManager();
    const stranger = newManager().createLock("r");
    await stranger.acquire();
    const locks = many(7, () => manager.createLock("r", { reentrancy: "none" }));
    const heard = locks.map(hear);
    const abort = new AbortController();
    const waiting = locks.map((lock, index) =>
      lock.acquire(index === 4 ? { signal: abort.signal } : {}).catch(() => 0),
    );
    // Six of its own process, and the stranger before them all.
    await until(() => heard[6]!.at(-1) === 7, { what: "the last one to know of the stranger" });
    expect(heard.map((news) => news.at(-1))).toEqual([1, 2, 3, 4, 5, 6, 7]);
    abort.abort();
    await until(() => heard[6]!.at(-1) === 6, { what: "the last one to move up" });
    expect(heard.slice(0, 4).map((news) => news.at(-1))).toEqual([1, 2, 3, 4]);
    await stranger.release();
    await waiting[0];
    await until(() => heard[6]!.at(-1) === 5, { what: "the last one to hear that the stranger has gone" });
    for (const index of [0, 1, 2, 3, 5, 6]) {
      await waiting[index];
      await locks[index]!.release();
    }
    for (const news of heard) {
      // Never the same number twice in a row, and never back once the stranger has been seen.
      const seen = news.slice(news.indexOf(Math.max(...news)));
      expect(seen).toEqual([...new Set(seen)].sort((a, b) => b - a));
      expect(news.filter((ahead, index) => ahead === news[index - 1])).toEqual([]);
    }
  });

  test("costs thousands in memory little while the lock goes from one to the next", async () => {
    const lock = newManager().createLock("r", { reentrancy: "none" });
    await lock.acquire();
    const heard = hear(lock);
    const count = 4_000;
    const handed = many(count, () => lock.acquire().then(() => lock.release()));
    await lock.release();
    await Promise.all(handed);
    // Each of them would hear of each one before it: eight million times.
    expect(heard.length).toBeLessThan(count * 50);
  });
});
