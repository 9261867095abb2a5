import { randomUUID } from "node:crypto";
import { expect, test } from "@jest/globals";
import { EPHEMERAL, RawClient, SEQUENCE } from "../../helpers/raw-client.js";
import type { TcpProxy } from "../../helpers/tcp-proxy.js";
import { until } from "../../helpers/until.js";
import { SERVER, sequenceOf, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

const CROWD = 3_000;
const SESSIONS = 3;
const TASKS = 5_000;

/** So many tickets of Apache Curator's, in sessions of their own, in the order of the queue. */
async function crowd(resource: string, size: number): Promise<string[]> {
  const directory = setting.directory(resource);
  await setting.raw.mkdirp(directory);
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => RawClient.connect(SERVER, 30_000)));
  for (const raw of sessions) setting.later(() => raw.close());
  await Promise.all(
    Array.from({ length: size }, (_, number) =>
      sessions[number % SESSIONS]!.create(`${directory}/_c_${randomUUID()}-lock-`, "", EPHEMERAL | SEQUENCE),
    ),
  );
  return setting.tickets(resource);
}

const READS = ["getChildren2", "getData", "exists", "getChildren"] as const;

async function readsThrough(proxy: TcpProxy): Promise<number> {
  return (await Promise.all(READS.map((operation) => proxy.requestCount(operation)))).reduce((a, b) => a + b);
}

test(`behind ${CROWD} waiters: a departure wakes its successor only, and the turn comes`, async () => {
  const resource = setting.resource();
  const front = await crowd(resource, 10);
  // One of ours near the front, one in the middle and one at the end.
  const ours = [];
  for (const size of [0, CROWD / 2, CROWD]) {
    const before = (await crowd(resource, size)).length;
    const { proxy, manager } = await setting.proxied({ sessionTimeout: 30_000 });
    const lock = manager.createLock(resource);
    const granted = lock.acquire();
    granted.catch(() => undefined);
    const tickets = await setting.queueOf(resource, before + 1);
    const [predecessor, ticket] = tickets.slice(-2) as [string, string];
    await until(async () => (await setting.watches(resource)).has(predecessor), { what: "the watch" });
    ours.push({ proxy, lock, granted, predecessor, ticket });
  }
  const [first, middle, last] = ours as [(typeof ours)[0], (typeof ours)[0], (typeof ours)[0]];
  // One watch for each of ours, and none for the crowd.
  expect(await setting.watches(resource)).toEqual(new Map(ours.map(({ predecessor }) => [predecessor, 1])));

  const remove = (tickets: string[]) =>
    Promise.all(tickets.map((ticket) => setting.raw.delete(`${setting.directory(resource)}/${ticket}`)));
  for (const { proxy } of ours) await proxy.forgetRequests();
  await remove(front);
  expect(await first.granted).toEqual(expect.any(Number));
  expect(await readsThrough(first.proxy)).toBeGreaterThan(0);
  expect([await readsThrough(middle.proxy), await readsThrough(last.proxy)]).toEqual([0, 0]);
  await first.lock.release();

  // All those in front of the middle one but its predecessor: that is none of its business.
  const tickets = await setting.tickets(resource);
  await remove(tickets.slice(0, tickets.indexOf(middle.predecessor)));
  expect([await readsThrough(middle.proxy), await readsThrough(last.proxy)]).toEqual([0, 0]);
  expect(middle.lock.isHeld).toBe(false);
  await remove([middle.predecessor]);
  await middle.granted;
  expect(await readsThrough(last.proxy)).toBe(0);
  await middle.lock.release();

  // Whoever stood in between may leave before; the last one looks once, and waits for the next before it.
  const left = await setting.tickets(resource);
  const beforeLast = left.indexOf(last.predecessor);
  await remove([last.predecessor]);
  await until(async () => (await setting.watches(resource)).has(left[beforeLast - 1]!), { what: "the next watch" });
  expect(await last.proxy.requestCount("getChildren2")).toBe(1);
  expect(last.lock.isHeld).toBe(false);
  await remove(left.slice(0, beforeLast));
  await last.granted;
  expect(await setting.tickets(resource)).toEqual([last.ticket]);
  await last.lock.release();
}, 60_000);

test(`${TASKS} tasks on one lock are granted once each, in order, with rising tokens`, async () => {
  const resource = setting.resource();
  const manager = await setting.manager({ sessionTimeout: 30_000 });
  const lock = manager.createLock(resource, { reentrancy: "none" });
  const blocker = manager.createLock(resource, { reentrancy: "none" });
  await blocker.acquire();
  const order: number[] = [];
  const tokens: number[] = [];
  let inside = 0;
  const tasks = Array.from({ length: TASKS }, async (_, number) => {
    const token = await lock.acquire();
    inside += 1;
    expect(inside).toBe(1);
    order.push(number);
    tokens.push(token);
    inside -= 1;
    await lock.release();
  });
  // The process stands in the queue with a few tickets, not with one for each task.
  const tickets = await until(
    async () => {
      const found = await setting.tickets(resource);
      return found.length > 1 ? found : null;
    },
    { what: "the window of tickets" },
  );
  expect(tickets.length).toBeLessThan(10);
  expect(sequenceOf(tickets[0]!)).toBe(0);
  await blocker.release();
  await Promise.all(tasks);
  expect(order).toEqual(Array.from({ length: TASKS }, (_, number) => number));
  expect(tokens.findIndex((token, index) => index > 0 && token <= tokens[index - 1]!)).toBe(-1);
  await setting.queueOf(resource, 0);
}, 60_000);
