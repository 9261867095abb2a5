import { afterEach, expect, jest, test } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { LockLostError, NotHeldError, type ZkLockManager, type ZkSemaphore } from "../../../src/index.js";
import { rejection } from "../../helpers/setting.js";
import { ZooKeeperQueue } from "../../../src/zookeeper/nodes/zookeeper-queue.js";
import { until } from "../../helpers/until.js";
import type { World } from "./worlds.js";

/** What the slots of a semaphore's holders promise. To be called within a `describe`. */
export function slotContract(world: World): void {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  async function managers(count: number): Promise<ZkLockManager[]> {
    return Promise.all(Array.from({ length: count }, () => world.manager()));
  }

  /** Handles on one semaphore, each of a manager of its own. */
  async function handles(count: number, maxConcurrentHolders: number): Promise<ZkSemaphore[]> {
    const resource = world.resource();
    return (await managers(count)).map((manager) => manager.createSemaphore(resource, { maxConcurrentHolders }));
  }

  async function release(...locks: ZkSemaphore[]): Promise<void> {
    for (const lock of locks) while (await lock.release());
  }

  test("holders are numbered from 0, by the lowest number that is free", async () => {
    const locks = await handles(4, 3);
    const [first, second, third, late] = locks as [ZkSemaphore, ZkSemaphore, ZkSemaphore, ZkSemaphore];
    for (const lock of [first, second, third]) await lock.acquire();
    expect([await second.slot(), await first.slot(), await third.slot()]).toEqual([0, 1, 2]);
    await first.release();
    await late.acquire();
    expect(await late.slot()).toBe(1);
    await release(...locks);
  });

  test("no two holders have the same number, whatever comes and goes", async () => {
    const permits = 3;
    const locks = await handles(3, permits);
    const holders = new Set<number>();
    const task = async (lock: ZkSemaphore): Promise<void> => {
      for (let round = 0; round < 12; round += 1) {
        await lock.using(async (hold) => {
          const slot = await hold.slot();
          expect(slot).toBeLessThan(permits);
          expect([...holders]).not.toContain(slot);
          holders.add(slot);
          await sleep(Math.random() * 3);
          holders.delete(slot);
        });
      }
    };
    await Promise.all([...locks, ...locks].map(task));
    expect(holders.size).toBe(0);
  });

  test("a hold has the same number as often as it is asked, and each permit of a handle its own", async () => {
    const [lock] = (await handles(1, 2)) as [ZkSemaphore];
    const first = await lock.hold();
    expect(await Promise.all([first.slot(), lock.slot(), first.slot()])).toEqual([0, 0, 0]);
    const second = await lock.hold();
    expect([await second.slot(), await first.slot(), await second.slot()]).toEqual([1, 0, 1]);
    await second.release();
    expect(await lock.slot()).toBe(0);
    await first.release();
  });

  test("a handle with several holds does not guess whose number is meant", async () => {
    const [lock] = (await handles(1, 3)) as [ZkSemaphore];
    await lock.acquire();
    await lock.using(async (hold) => {
      expect(await lock.slot()).toBe(await hold.slot());
      await lock.acquire();
      expect(await rejection(lock.slot())).toMatchObject({ code: "ERR_NOT_HELD" });
      await lock.release();
      expect(await lock.slot()).toBe(await hold.slot());
    });
    await lock.acquire();
    const error = await rejection<NotHeldError>(lock.slot());
    expect(error).toBeInstanceOf(NotHeldError);
    expect(error.message).toContain("hold()");
    await release(lock);
  });

  test("the number of a holder whose session ended is free again", async () => {
    const resource = world.resource();
    const mortal = await world.mortal();
    const options = { maxConcurrentHolders: 2 };
    const crashing = mortal.createSemaphore(resource, options);
    const staying = (await world.manager()).createSemaphore(resource, options);
    const next = (await world.manager()).createSemaphore(resource, options);
    crashing.on("lost", () => undefined);
    await crashing.acquire();
    await staying.acquire();
    expect([await crashing.slot(), await staying.slot()]).toEqual([0, 1]);
    const acquiring = next.acquire();
    await world.expire(mortal);
    await acquiring;
    expect(await next.slot()).toBe(0);
    await until(() => !crashing.isHeld, { what: "the loss to be known" });
    const error = await rejection<LockLostError>(crashing.slot());
    expect(error).toBeInstanceOf(LockLostError);
    expect(error).toMatchObject({ resource });
    await rejection(crashing.release());
    await release(staying, next);
  });

  test("without a hold there is no number: NotHeldError", async () => {
    const [lock] = (await handles(1, 1)) as [ZkSemaphore];
    expect(await rejection(lock.slot())).toBeInstanceOf(NotHeldError);
    const hold = await lock.using((inside) => inside);
    expect(await rejection(hold.slot())).toBeInstanceOf(NotHeldError);
    expect(await rejection(lock.slot())).toBeInstanceOf(NotHeldError);
  });

  test("a hold that is given back while it asks: NotHeldError, and the next one is not in its way", async () => {
    const [lock, next] = (await handles(2, 1)) as [ZkSemaphore, ZkSemaphore];
    await lock.acquire();
    const asking = rejection(lock.slot());
    await lock.release();
    expect(await asking).toBeInstanceOf(NotHeldError);
    await next.acquire();
    expect(await next.slot()).toBe(0);
    await next.release();
  });

  test("an abort ends the wait for the number, and nothing else", async () => {
    const [lock] = (await handles(1, 1)) as [ZkSemaphore];
    await lock.acquire();
    const abort = new AbortController();
    const asking = rejection(lock.slot({ signal: abort.signal }));
    const reason = new Error("changed my mind");
    abort.abort(reason);
    expect(await asking).toBe(reason);
    expect(await rejection(lock.slot({ signal: abort.signal }))).toBe(reason);
    expect(lock.isHeld).toBe(true);
    expect(await lock.slot()).toBe(0);
    await lock.release();
  });

  test("refuses what is no option at once", async () => {
    const [lock] = (await handles(1, 1)) as [ZkSemaphore];
    await lock.acquire();
    for (const wrong of [{ timeout: 1 }, { signal: 1 }, null]) {
      expect(await rejection(lock.slot(wrong as never))).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    }
    await lock.release();
  });

  test("inspect and holds tell the number of who has asked for one, and of nobody else", async () => {
    const [lock, silent] = (await handles(2, 2)) as [ZkSemaphore, ZkSemaphore];
    const manager = await world.manager();
    await silent.acquire();
    await manager.createSemaphore(lock.resource, { maxConcurrentHolders: 2 }).using(async (hold) => {
      expect(manager.holds()[0]).not.toHaveProperty("slot");
      await hold.slot();
      expect(manager.holds()).toMatchObject([{ resource: lock.resource, kind: "semaphore", slot: 0 }]);
      const { holders } = await manager.inspect(lock.resource);
      expect(holders[0]).not.toHaveProperty("slot");
      expect(holders[1]).toMatchObject({ slot: 0, token: hold.token });
    });
    await silent.release();
  });

  test("a limit that is replaced leaves the numbers alone, and the numbers leave the limit alone", async () => {
    const resource = world.resource();
    const [here, there] = (await managers(2)) as [ZkLockManager, ZkLockManager];
    const few = here.createSemaphore(resource, { maxConcurrentHolders: 1 });
    const more = there.createSemaphore(resource, { maxConcurrentHolders: 3, replaceLimit: true });
    await few.acquire();
    expect(await few.slot()).toBe(0);
    await more.acquire();
    const latest = await more.hold();
    expect((await here.inspect(resource)).holders.map(({ slot }) => slot)).toEqual([0, undefined, undefined]);
    expect(await latest.slot()).toBe(1);
    const status = await here.inspect(resource);
    expect(status.holders.map(({ slot }) => slot)).toEqual([0, undefined, 1]);
    expect(status.maxConcurrentHolders).toBe(3);
    await latest.release();
    await release(few, more);
  });

  test("after the limit was lowered a number may be past it, and is nobody else's all the same", async () => {
    const resource = world.resource();
    const [here, there] = (await managers(2)) as [ZkLockManager, ZkLockManager];
    const many = here.createSemaphore(resource, { maxConcurrentHolders: 2 });
    await many.acquire();
    const latest = await many.hold();
    expect(await latest.slot()).toBe(0);
    const one = there.createSemaphore(resource, { maxConcurrentHolders: 1, replaceLimit: true });
    const acquiring = one.acquire();
    await until(async () => (await world.tickets(resource)) === 3, { what: "the ticket" });
    // One whose limit was two comes behind the one whose limit is one, and both hold when the first two have left.
    const late = here.createSemaphore(resource, { maxConcurrentHolders: 2, replaceLimit: true });
    const acquiringLate = late.acquire();
    await until(async () => (await world.tickets(resource)) === 4, { what: "the next ticket" });
    await latest.release();
    await release(many);
    await Promise.all([acquiring, acquiringLate]);
    expect([await late.slot(), await one.slot()]).toEqual([0, 1]);
    await release(one, late);
  });

  test("a claim wakes nobody who waits", async () => {
    const made = await managers(3);
    const resource = world.resource();
    const holderId = made[0]?.session.id;
    const locks = made.map((manager) => manager.createSemaphore(resource, { maxConcurrentHolders: 1 }));
    const [holder, first, second] = locks as [ZkSemaphore, ZkSemaphore, ZkSemaphore];
    await holder.acquire();
    // Whoever is woken watches again. (The holder watches its own ticket.)
    const watching = [
      jest.spyOn(ZooKeeperQueue.prototype, "watch"),
      jest.spyOn(ZooKeeperQueue.prototype, "watchQueue"),
    ];
    const looks = (): number =>
      watching.flatMap(({ mock }) => mock.contexts as ZooKeeperQueue[]).filter((port) => port.session.id !== holderId)
        .length;
    const waiting: Promise<number>[] = [];
    for (const [place, lock] of [first, second].entries()) {
      waiting.push(lock.acquire());
      // The first watches the queue, and again when the second has come; the second watches the first. A reconnect adds looks.
      await until(() => looks() >= [1, 3][place]!, { what: "it to watch" });
    }
    const looked = looks();
    await holder.slot();
    // Whoever had been woken would have looked by the time that two of its own questions are answered, one after the other.
    for (const lock of [first, second, first, second]) await lock.requestRelease();
    expect(looks()).toBe(looked);
    await holder.release();
    await waiting[0];
    await first.release();
    await waiting[1];
    await second.release();
  });
}
