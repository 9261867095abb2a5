import { expect, test } from "@jest/globals";
import { setImmediate as turn } from "node:timers/promises";
import type { ZkLock } from "../../../src/index.js";
import { useSetting } from "../../helpers/setting.js";

const setting = useSetting();

async function lockOf(reentrancy: "task" | "none"): Promise<{ resource: string; lock: ZkLock }> {
  const resource = setting.resource();
  return { resource, lock: (await setting.manager()).createLock(resource, { reentrancy }) };
}

test.each(["task", "none"] as const)(
  "%s: tasks queue first come first served, with tokens of their own",
  async (kind) => {
    const { resource, lock } = await lockOf(kind);
    const order: number[] = [];
    const tokens: number[] = [];
    let inside = 0;
    const task = (number: number) =>
      lock.using(async ({ token }) => {
        inside += 1;
        expect(inside).toBe(1);
        order.push(number);
        tokens.push(token);
        await turn();
        inside -= 1;
      });
    await Promise.all(Array.from({ length: 20 }, (_, number) => task(number)));
    expect(order).toEqual(Array.from({ length: 20 }, (_, number) => number));
    expect(tokens.every((token, index) => index === 0 || token > tokens[index - 1]!)).toBe(true);
    expect(await setting.tickets(resource)).toEqual([]);
  },
);

test.each(["task", "none"] as const)(
  "%s: a second acquire of the same handle queues behind the first",
  async (kind) => {
    const { lock } = await lockOf(kind);
    const first = await lock.acquire();
    let second: number | undefined;
    const waiting = lock.acquire().then((token) => (second = token));
    expect(await lock.tryAcquire()).toBeNull();
    expect(second).toBeUndefined();
    expect(lock.holdCount).toBe(1);
    await lock.release();
    expect(await waiting).toBeGreaterThan(first);
    expect(lock.token).toBe(second);
    await lock.release();
  },
);

test("task: code inside `using` of the holder enters its hold, however deep", async () => {
  const { resource, lock } = await lockOf("task");
  await lock.using(async (outer) => {
    await turn();
    await lock.using(async (inner) => {
      await turn();
      expect(inner.token).toBe(outer.token);
      expect(await lock.acquire()).toBe(outer.token);
      expect(lock.holdCount).toBe(3);
      await lock.release();
    });
    expect(lock.holdCount).toBe(1);
    expect(await setting.tickets(resource)).toHaveLength(1);
  });
  expect(lock.isHeld).toBe(false);
});

test("task: another handle of the same manager enters too, from inside", async () => {
  const resource = setting.resource();
  const manager = await setting.manager();
  const [one, other] = [1, 2].map(() => manager.createLock(resource, { reentrancy: "task" })) as [ZkLock, ZkLock];
  await one.using(async ({ token }) => {
    expect(await other.acquire()).toBe(token);
    expect(await other.release()).toBe(true);
  });
});

test("task: a sibling queues, although the holder is of the same process", async () => {
  const { lock } = await lockOf("task");
  const order: string[] = [];
  let startSibling!: () => void;
  const started = new Promise<void>((resolve) => (startSibling = resolve));
  const sibling = started.then(() => lock.using(() => void order.push("sibling")));
  await lock.using(async () => {
    startSibling();
    await turn();
    await lock.using(() => void order.push("inner"));
    expect(await lock.tryAcquire()).not.toBeNull();
    await lock.release();
    order.push("outer");
  });
  await sibling;
  expect(order).toEqual(["inner", "outer", "sibling"]);
});

test("task: code that outlives the `using` it was started in queues like anybody else", async () => {
  const { lock } = await lockOf("task");
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  let late: Promise<number> | undefined;
  let token = 0;
  await lock.using((hold) => {
    token = hold.token;
    late = ended.then(() => lock.acquire());
  });
  end();
  expect(await late).toBeGreaterThan(token);
  await lock.release();
});

test("none: not even code inside `using` enters", async () => {
  const { lock } = await lockOf("none");
  await lock.using(async () => expect(await lock.tryAcquire()).toBeNull());
});

test("none: a process's many tasks keep a small window of tickets, and others get their turns in between", async () => {
  const { resource, lock } = await lockOf("none");
  const stranger = (await setting.manager()).createLock(resource);
  await lock.acquire();
  const order: string[] = [];
  const tasks = Array.from({ length: 20 }, () => lock.using(() => void order.push("task")));
  await setting.queueOf(resource, 3);
  const theirs = stranger.using(() => void order.push("stranger"));
  await setting.queueOf(resource, 4);
  await lock.release();
  await Promise.all([...tasks, theirs]);
  expect(order).toHaveLength(21);
  expect(order.indexOf("stranger")).toBe(2);
});

test("tasks of several managers exclude each other, and tokens rise in the order of the holds", async () => {
  const resource = setting.resource();
  const managers = await Promise.all([1, 2, 3].map(() => setting.manager()));
  const locks = managers.map((manager) => manager.createLock(resource, { reentrancy: "none" }));
  let inside = 0;
  const tokens: number[] = [];
  const task = async (lock: ZkLock, shortly: boolean) => {
    for (let cycle = 0; cycle < 10; cycle += 1) {
      const token = await lock.acquire();
      inside += 1;
      expect(inside).toBe(1);
      tokens.push(token);
      if (!shortly) await turn();
      inside -= 1;
      const released = lock.release();
      if (!shortly) await released;
    }
  };
  await Promise.all(locks.flatMap((lock) => [0, 1, 2, 3].map((number) => task(lock, number % 2 === 0))));
  expect(tokens).toHaveLength(120);
  expect(tokens.findIndex((token, index) => index > 0 && token <= tokens[index - 1]!)).toBe(-1);
  await setting.queueOf(resource, 0);
});

test("handles of different re-entrancy on one resource exclude each other", async () => {
  const resource = setting.resource();
  const manager = await setting.manager();
  const shared = manager.createLock(resource);
  const own = manager.createLock(resource, { reentrancy: "none" });
  const first = await shared.acquire();
  expect(await own.tryAcquire()).toBeNull();
  expect(own.isHeld).toBe(false);
  const next = own.acquire();
  await shared.release();
  expect(await next).toBeGreaterThan(first);
  expect(shared.isHeld).toBe(false);
  expect(await shared.tryAcquire()).toBeNull();
  await own.release();
});
