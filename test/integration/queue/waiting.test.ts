import { expect, test } from "@jest/globals";
import type { ZkLock } from "../../../src/index.js";
import { EPHEMERAL, SEQUENCE } from "../../helpers/raw-client.js";
import { until } from "../../helpers/until.js";
import { journal, rejection, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

/** Takes a ticket as somebody else's recipe would, and gives its path. */
async function foreignTicket(resource: string, prefix = "f00-lock-"): Promise<string> {
  await setting.raw.mkdirp(setting.directory(resource));
  return setting.raw.create(`${setting.directory(resource)}/${prefix}`, "", EPHEMERAL | SEQUENCE);
}

/** So many waiters, of managers of their own, one behind the other. */
async function line(resource: string, length: number): Promise<{ lock: ZkLock; granted: Promise<number> }[]> {
  const waiters: { lock: ZkLock; granted: Promise<number> }[] = [];
  const ahead = (await setting.tickets(resource)).length;
  const managers = await Promise.all(Array.from({ length }, () => setting.manager({ sessionTimeout: 10_000 })));
  for (const manager of managers) {
    const lock = manager.createLock(resource);
    const granted = lock.acquire();
    // A test that fails closes the managers: that is not what it should complain of.
    granted.catch(() => undefined);
    waiters.push({ lock, granted });
    await setting.queueOf(resource, ahead + waiters.length);
  }
  return waiters;
}

async function watchesOf(resource: string, expected: Map<string, number>): Promise<void> {
  let watched = new Map<string, number>();
  await until(async () => (watched = await setting.watches(resource)).size === expected.size, {
    what: `${expected.size} watched tickets`,
  });
  expect(watched).toEqual(expected);
}

test("holders come in queue order", async () => {
  const resource = setting.resource();
  const blocker = await foreignTicket(resource);
  const order: number[] = [];
  const waiters = await line(resource, 4);
  const done = waiters.map(async ({ lock, granted }, index) => {
    await granted;
    order.push(index);
    await lock.release();
  });
  await setting.raw.delete(blocker);
  await Promise.all(done);
  expect(order).toEqual([0, 1, 2, 3]);
});

test("'queued' says how many are ahead, and again when that changes", async () => {
  const resource = setting.resource();
  const blocker = await foreignTicket(resource);
  const [leaver] = await line(resource, 1);
  const lock = (await setting.manager()).createLock(resource);
  const heard = journal(lock);
  const granted = lock.acquire();
  await until(() => heard.length === 1, { what: "the first news" });
  await setting.raw.delete(blocker);
  await leaver!.granted;
  await leaver!.lock.release();
  await granted;
  await lock.release();
  expect(heard).toEqual(["queued behind 2", "acquired", "released"]);
});

test("50 waiters hold one watch each, on their predecessor only, and no departure wakes more than one", async () => {
  const resource = setting.resource();
  const blocker = await foreignTicket(resource);
  const waiters = await line(resource, 50);
  const tickets = await setting.tickets(resource);
  expect(tickets).toHaveLength(51);
  await watchesOf(resource, new Map(tickets.slice(0, -1).map((ticket) => [ticket, 1])));

  await setting.raw.delete(blocker);
  await waiters[0]!.granted;
  // The first one is a holder now, which after a while watches its own ticket too; all others are as they were.
  const others = [...(await setting.watches(resource))].filter(([ticket]) => ticket !== tickets[1]);
  expect(new Map(others)).toEqual(new Map(tickets.slice(2, -1).map((ticket) => [ticket, 1])));
  for (const { lock, granted } of waiters) {
    await granted;
    await lock.release();
  }
  await watchesOf(resource, new Map());
}, 60_000);

test("the middle waiter that leaves wakes nobody wrongly: its successor watches the one before", async () => {
  const resource = setting.resource();
  const blocker = await foreignTicket(resource);
  const [first] = await line(resource, 1);
  const abort = new AbortController();
  const middle = (await setting.manager()).createLock(resource);
  const left = rejection(middle.acquire({ signal: abort.signal }));
  await setting.queueOf(resource, 3);
  const last = (await setting.manager()).createLock(resource);
  const heard = journal(last);
  const granted = last.acquire();
  const tickets = await setting.queueOf(resource, 4);
  await watchesOf(resource, new Map(tickets.slice(0, 3).map((ticket) => [ticket, 1])));

  abort.abort();
  await left;
  await until(() => heard.length === 2, { what: "the last one to hear of its new place" });
  expect(heard).toEqual(["queued behind 3", "queued behind 2"]);
  // The middle one's watch cannot be taken back; it goes with the first one's ticket.
  await until(async () => (await setting.watches(resource)).get(tickets[1]!) === 2, { what: "the new watch" });

  await setting.raw.delete(blocker);
  await first!.granted;
  expect(last.isHeld).toBe(false);
  await first!.lock.release();
  await granted;
  expect(heard).toEqual(["queued behind 3", "queued behind 2", "acquired"]);
  expect(await setting.tickets(resource)).toEqual([tickets[3]]);
  await last.release();
  await watchesOf(resource, new Map());
});

test("a first waiter that leaves hands nothing on before the holder has gone", async () => {
  const resource = setting.resource();
  const blocker = await foreignTicket(resource);
  const abort = new AbortController();
  const leaver = (await setting.manager()).createLock(resource);
  const left = rejection(leaver.acquire({ signal: abort.signal }));
  await setting.queueOf(resource, 2);
  const [next] = await line(resource, 1);
  const heard = journal(next!.lock);
  abort.abort();
  await left;
  await until(() => heard.includes("queued behind 1"), { what: "the next one to hear of its new place" });
  expect(next!.lock.isHeld).toBe(false);
  await setting.raw.delete(blocker);
  await next!.granted;
  await next!.lock.release();
});

test("a predecessor whose data changes wakes nobody for good", async () => {
  const resource = setting.resource();
  const blocker = await foreignTicket(resource);
  const [waiter] = await line(resource, 1);
  const name = blocker.split("/").at(-1)!;
  await watchesOf(resource, new Map([[name, 1]]));
  for (const text of ["one", "two", "three"]) {
    await setting.raw.set(blocker, text);
    await watchesOf(resource, new Map([[name, 1]]));
  }
  expect(waiter!.lock.isHeld).toBe(false);
  await setting.raw.delete(blocker);
  await waiter!.granted;
  await waiter!.lock.release();
});

test.each(["_c_5f3f3b6e-6f57-4b6c-8f0e-7d1f6f2d9c11-lock-", "9d1c5a2e__lock__"])(
  "the ticket %s of another recipe is waited for, and waits for ours",
  async (prefix) => {
    const resource = setting.resource();
    const before = await foreignTicket(resource, prefix);
    const [waiter] = await line(resource, 1);
    const behind = await foreignTicket(resource, prefix);
    expect(waiter!.lock.isHeld).toBe(false);
    await setting.raw.delete(before);
    await waiter!.granted;
    expect((await setting.tickets(resource)).length).toBe(2);
    await waiter!.lock.release();
    await setting.raw.delete(behind);
  },
);

test("the order is that of the sequence, whatever stands before it in the name", async () => {
  const resource = setting.resource();
  const before = await foreignTicket(resource, "zzzz-lock-");
  const [waiter] = await line(resource, 1);
  await foreignTicket(resource, "0000-lock-").then((behind) => setting.later(() => setting.raw.delete(behind)));
  expect(waiter!.lock.isHeld).toBe(false);
  await setting.raw.delete(before);
  await waiter!.granted;
  await waiter!.lock.release();
});

test("a ticket-shaped node that somebody made by hand is waited for, until somebody deletes it", async () => {
  const resource = setting.resource();
  const made = `${setting.directory(resource)}/by-hand-lock-0000000000`;
  await setting.raw.mkdirp(made);
  const lock = (await setting.manager()).createLock(resource);
  expect(await lock.tryAcquire()).toBeNull();
  const granted = lock.acquire();
  await setting.queueOf(resource, 2);
  await setting.raw.delete(made);
  await granted;
  await lock.release();
});

test.each([
  "README",
  "-lock-",
  "x-lock-12",
  "x-lock-00000000010",
  "x-lock-000000000a",
  "x-lock-0000000000 ",
  "x-lock--2147483648",
  "x-lock--000000001",
  "lease-0000000000",
  "lock-0000000000",
  "日本",
])("the odd child %j is ignored", async (child) => {
  const resource = setting.resource();
  await setting.raw.mkdirp(`${setting.directory(resource)}/${child}`);
  const lock = (await setting.manager()).createLock(resource);
  expect(await lock.tryAcquire()).not.toBeNull();
  await lock.release();
  expect(await setting.raw.children(setting.directory(resource))).toEqual([child]);
});
