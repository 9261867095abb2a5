import { expect, test } from "@jest/globals";
import { until } from "../../helpers/until.js";
import { journal, rejection, timeoutOf, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

test("re-entry returns the same token, counts, and takes no second ticket", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  const heard = journal(lock);
  const token = await lock.acquire();
  expect([await lock.acquire(), await lock.tryAcquire()]).toEqual([token, token]);
  expect(lock.holdCount).toBe(3);
  expect(await setting.tickets(resource)).toHaveLength(1);

  expect(await lock.release()).toBe(true);
  expect(await lock.release()).toBe(true);
  expect({ isHeld: lock.isHeld, token: lock.token, holdCount: lock.holdCount }).toEqual({
    isHeld: true,
    token,
    holdCount: 1,
  });
  expect(await setting.tickets(resource)).toHaveLength(1);

  expect(await lock.release()).toBe(true);
  expect({ isHeld: lock.isHeld, token: lock.token, holdCount: lock.holdCount }).toEqual({
    isHeld: false,
    token: null,
    holdCount: 0,
  });
  expect(await setting.tickets(resource)).toEqual([]);
  expect(await lock.release()).toBe(false);
  expect(heard).toEqual(["acquired", "released"]);
});

test("two handles share the hold, and each gives back only what it took", async () => {
  const resource = setting.resource();
  const manager = await setting.manager();
  const [one, other] = [manager.createLock(resource), manager.createLock(resource)];
  const token = await one.acquire();
  expect({ isHeld: other.isHeld, token: other.token, holdCount: other.holdCount }).toEqual({
    isHeld: true,
    token,
    holdCount: 1,
  });
  expect(await other.release()).toBe(false);
  expect(one.isHeld).toBe(true);

  expect(await other.acquire()).toBe(token);
  expect([one.holdCount, other.holdCount]).toEqual([2, 2]);
  expect(await one.release()).toBe(true);
  expect(await one.release()).toBe(false);
  expect([one.isHeld, other.isHeld]).toEqual([true, true]);
  expect(await other.release()).toBe(true);
  expect([one.isHeld, other.isHeld]).toEqual([false, false]);
  expect(await setting.tickets(resource)).toEqual([]);
});

test("managers share nothing: the second one of a process waits", async () => {
  const resource = setting.resource();
  const [one, other] = await Promise.all([setting.manager(), setting.manager()]);
  const lock = one.createLock(resource);
  await lock.acquire();
  expect(await other.createLock(resource).tryAcquire()).toBeNull();
  await lock.release();
});

test("concurrent first acquires take one ticket, free or not", async () => {
  const resource = setting.resource();
  const [one, other] = await Promise.all([setting.manager(), setting.manager()]);
  const blocker = other.createLock(resource);
  await blocker.acquire();
  const handles = Array.from({ length: 10 }, () => one.createLock(resource));
  const waiting = Promise.all(handles.map((handle) => handle.acquire()));
  await setting.queueOf(resource, 2);
  await blocker.release();
  const tokens = await waiting;
  expect(new Set(tokens).size).toBe(1);
  expect(handles[0]!.holdCount).toBe(10);
  const directory = (await setting.raw.stat(setting.directory(resource)))!;
  // One child came for each ticket, and one went with the blocker's: two created, one deleted.
  expect(directory.cversion).toBe(3);
  await Promise.all(handles.map((handle) => handle.release()));
  expect(await setting.tickets(resource)).toEqual([]);
});

test("the timeout of one and the abort of another do not disturb the third, nor its ticket", async () => {
  const resource = setting.resource();
  const [one, other] = await Promise.all([setting.manager(), setting.manager()]);
  const blocker = other.createLock(resource);
  await blocker.acquire();
  const lock = one.createLock(resource);
  const abort = new AbortController();
  const third = lock.acquire();
  const late = timeoutOf(lock, 100);
  const aborted = rejection(lock.acquire({ signal: abort.signal }));
  const before = await setting.queueOf(resource, 2);
  expect(await late).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT" });
  abort.abort(new Error("enough"));
  expect(await aborted).toMatchObject({ message: "enough" });
  expect(await setting.tickets(resource)).toEqual(before);

  await blocker.release();
  await third;
  expect(lock.holdCount).toBe(1);
  await lock.release();
  expect(await setting.tickets(resource)).toEqual([]);
});

test("the ticket goes when the last of several concurrent acquires has given up", async () => {
  const resource = setting.resource();
  const [one, other] = await Promise.all([setting.manager(), setting.manager()]);
  const blocker = other.createLock(resource);
  await blocker.acquire();
  const lock = one.createLock(resource);
  const late = [30, 60, 90].map((timeout) => timeoutOf(lock, timeout));
  await setting.queueOf(resource, 2);
  await Promise.all(late);
  await setting.queueOf(resource, 1);
  await blocker.release();
  await until(async () => (await setting.watches(resource)).size === 0, { what: "the last watch to go" });
});

test("an acquire right behind a release that was not awaited gets a hold of its own", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  const first = await lock.acquire();
  const released = lock.release();
  expect(lock.isHeld).toBe(false);
  const second = await lock.acquire();
  expect(second).toBeGreaterThan(first);
  expect(await released).toBe(true);
  expect(lock.holdCount).toBe(1);
  await lock.release();
});
