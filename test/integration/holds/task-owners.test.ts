import { describe, expect, test } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../../helpers/setting.js";
import { member, useNotes } from "../../helpers/member.js";

const setting = useSetting();
const notes = useNotes();

describe("with reentrancy: task,", () => {
  test("code inside using re-enters, with the same token, and siblings queue for a token of their own", async () => {
    const lock = (await setting.manager()).createLock(setting.resource(), { reentrancy: "task" });
    const steps: string[] = [];
    const tokens: number[] = [];
    const task = (name: string): Promise<void> =>
      lock.using(async ({ token }) => {
        steps.push(`${name} in`);
        tokens.push(token);
        expect(await lock.acquire()).toBe(token);
        await sleep(2);
        await lock.using(async (inner) => {
          expect(inner.token).toBe(token);
          await sleep(2);
        });
        await lock.release();
        steps.push(`${name} out`);
      });
    await Promise.all([task("a"), task("b"), task("c")]);
    expect(steps).toEqual(["a in", "a out", "b in", "b out", "c in", "c out"]);
    expect(tokens).toEqual([...new Set(tokens)].sort((one, other) => one - other));
  });

  test("another handle of the same resource is inside as well, another resource is not", async () => {
    const manager = await setting.manager();
    const resource = setting.resource();
    const [one, other] = [0, 1].map(() => manager.createLock(resource, { reentrancy: "task" }));
    const elsewhere = manager.createLock(`${resource}-elsewhere`, { reentrancy: "task" });
    await one!.using(({ token }) =>
      elsewhere.using(async (hold) => {
        expect(hold.token).not.toBe(token);
        expect(await other!.acquire()).toBe(token);
        await other!.release();
      }),
    );
  });

  test("a task that was detached queues once the body has ended", async () => {
    const lock = (await setting.manager()).createLock(setting.resource(), { reentrancy: "task" });
    let detached: Promise<number> | undefined;
    let bodyEnded = (): void => undefined;
    const ended = new Promise<void>((resolve) => (bodyEnded = resolve));
    const outer = await lock.using(({ token }) => {
      detached = ended.then(() => lock.using((hold) => hold.token));
      return token;
    });
    const blocker = await lock.acquire();
    bodyEnded();
    await setting.queueOf(lock.resource, 2);
    await lock.release();
    const token = await detached!;
    expect([outer, blocker, token]).toEqual([outer, blocker, token].sort((a, b) => a - b));
    expect(token).not.toBe(outer);
  });

  test("a detached task that is inside keeps the hold beyond the end of the body", async () => {
    const lock = (await setting.manager()).createLock(setting.resource(), { reentrancy: "task" });
    const other = (await setting.manager()).createLock(lock.resource);
    let finish = (): void => undefined;
    let detached: Promise<void> | undefined;
    await lock.using(async () => {
      const inside = new Promise<void>((isInside) => {
        detached = lock.using(async () => {
          isInside();
          await new Promise<void>((resolve) => (finish = resolve));
        });
      });
      await inside;
    });
    expect(await other.tryAcquire()).toBeNull();
    finish();
    await detached;
    expect(await other.tryAcquire()).not.toBeNull();
    await other.release();
  });

  test("another task cannot give back what a body holds: a clear error, and the hold stands", async () => {
    const lock = (await setting.manager()).createLock(setting.resource(), { reentrancy: "task" });
    // As early as anybody can hear of the hold.
    const held = new Promise<void>((resolve) => lock.once("acquired", () => resolve()));
    const attempt = held.then(() => rejection(lock.release()));
    await lock.using(async (hold) => {
      expect(await attempt).toMatchObject({ code: "ERR_NOT_HELD", resource: lock.resource });
      hold.assertHeld();
    });
    expect(lock.isHeld).toBe(false);
    expect(await lock.release()).toBe(false);
  });

  test("a sibling's timeout runs while it waits in memory, and names what is in its way", async () => {
    const lock = (await setting.manager({ identity: { who: "me" } })).createLock(setting.resource(), {
      reentrancy: "task",
    });
    await lock.acquire();
    const startedAt = performance.now();
    const error = await rejection(lock.acquire({ timeout: 80 }));
    expect(error).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT", ahead: 1 });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(79);
    expect(await lock.tryAcquire()).toBeNull();
    await lock.release();
  });
});

describe("with reentrancy: none,", () => {
  test("every acquire queues, first come, first served, with a token of its own", async () => {
    const lock = (await setting.manager()).createLock(setting.resource(), { reentrancy: "none" });
    const order: number[] = [];
    const tokens: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, place) =>
        lock.using(async ({ token }) => {
          order.push(place);
          tokens.push(token);
          await Promise.resolve();
        }),
      ),
    );
    expect(order).toEqual(Array.from({ length: 20 }, (_, place) => place));
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
  });

  test("each waiter has its own deadline and signal, also deep in the queue in memory", async () => {
    const lock = (await setting.manager()).createLock(setting.resource(), { reentrancy: "none" });
    await lock.acquire();
    const aborts = Array.from({ length: 8 }, () => new AbortController());
    const order: number[] = [];
    const waiting = aborts.map(({ signal }, place) =>
      lock
        .acquire({ signal, ...(place % 4 === 1 && { timeout: 60 }) })
        .then(() => order.push(place))
        .catch((error: unknown) => error),
    );
    const reason = new Error("not any more");
    for (const place of [2, 6]) aborts[place]!.abort(reason);
    expect(await waiting[2]).toBe(reason);
    expect(await waiting[6]).toBe(reason);
    expect(await waiting[1]).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT" });
    expect(await waiting[5]).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT" });
    for (let served = 0; served < 4; served += 1) {
      expect(await lock.release()).toBe(true);
      await until(() => order.length === served + 1, { what: "the next one's turn" });
    }
    expect(order).toEqual([0, 3, 4, 7]);
    await lock.release();
    await Promise.all(waiting);
  });

  test("only a few tickets of a process stand in the queue, however many tasks wait", async () => {
    const lock = (await setting.manager()).createLock(setting.resource(), { reentrancy: "none" });
    await lock.acquire();
    const waiting = Array.from({ length: 50 }, () => lock.using(() => undefined));
    const tickets = await setting.queueOf(lock.resource, 3);
    expect(tickets).toHaveLength(3);
    await lock.release();
    await Promise.all(waiting);
  });
});

describe("many tasks of one process", () => {
  test("hand the lock over without waiting for a round trip", async () => {
    const { proxy, manager } = await setting.proxied({ sessionTimeout: 30_000 });
    const lock = manager.createLock(setting.resource(), { reentrancy: "none" });
    await lock.using(() => undefined);
    const delayMs = 50;
    await proxy.delay(delayMs);
    const times: { begun: number; ended: number }[] = [];
    await Promise.all(
      Array.from({ length: 6 }, () =>
        lock.using(async () => {
          const begun = performance.now();
          // Longer than the way there and back: by its end, the next one's ticket stands.
          await sleep(3 * delayMs);
          times.push({ begun, ended: performance.now() });
        }),
      ),
    );
    const gaps = times.slice(1).map(({ begun }, index) => begun - times[index]!.ended);
    expect(gaps).toHaveLength(5);
    expect(Math.max(...gaps)).toBeLessThan(delayMs);
  });

  test("get far more holds through a slow network than one after the other would", async () => {
    const { proxy, manager } = await setting.proxied({ sessionTimeout: 30_000 });
    const lock = manager.createLock(setting.resource(), { reentrancy: "none" });
    await lock.using(() => undefined);
    await proxy.delay(40);
    const lasting = async (work: () => Promise<unknown>): Promise<number> => {
      const startedAt = performance.now();
      await work();
      return performance.now() - startedAt;
    };
    const alone =
      (await lasting(async () => {
        for (let hold = 0; hold < 3; hold += 1) await lock.using(() => undefined);
      })) / 3;
    const tokens = new Set<number>();
    const together = await lasting(() =>
      Promise.all(Array.from({ length: 30 }, () => lock.using(({ token }) => tokens.add(token)))),
    );
    expect(tokens.size).toBe(30);
    expect(together).toBeLessThan((30 * alone) / 2.5);
  });

  test("leave other processes their turns", async () => {
    const resource = setting.resource();
    const [greedy, modest] = await Promise.all([member(setting), member(setting)]);
    const crowd = greedy.call("turns", resource, "greedy", 120, notes.file("turns"));
    await until(() => notes.lines("turns").length > 10, { what: "the crowd to be at it" });
    await modest.call("turns", resource, "modest", 5, notes.file("turns"));
    const soFar = notes.lines("turns").length;
    await crowd;
    const turns = notes.lines("turns");
    // Served while the crowd was still waiting, within a window of the crowd's tickets for each turn.
    expect(soFar).toBeLessThan(turns.length);
    const gaps = turns
      .map((line, index) => (line.startsWith("modest") ? index : -1))
      .filter((index) => index >= 0)
      .map((index, nth, all) => index - (all[nth - 1] ?? index));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(6);
    const tokens = turns.map((line) => Number(line.split(" ")[1]));
    expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
  });
});
