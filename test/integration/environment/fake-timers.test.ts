import { afterEach, expect, jest, test } from "@jest/globals";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { InMemoryZooKeeper } from "../../../src/testing/index.js";
import { ZkLockManager } from "../../../src/index.js";
import { rejection, useSetting } from "../../helpers/setting.js";

afterEach(() => {
  jest.useRealTimers();
});
const setting = useSetting();

test("under fake timers a lock goes on by real time: it waits, it is kept, and it is told", async () => {
  const resource = setting.resource();
  const holder = await setting.manager({ sessionTimeout: 1_500 });
  const other = await setting.manager();
  jest.useFakeTimers();
  const lock = holder.createLock(resource);
  const heard: string[] = [];
  lock.on("acquired", () => heard.push("acquired"));
  const token = await lock.acquire();
  const startedAt = performance.now();
  expect(await rejection(other.createLock(resource).acquire({ timeout: 200 }))).toMatchObject({
    code: "ERR_ACQUIRE_TIMEOUT",
  });
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199);
  // Longer than the session: somebody has kept it alive.
  await sleep(2_000);
  expect(heard).toEqual(["acquired"]);
  expect(lock.token).toBe(token);
  // The fake clock says nothing of the lease.
  jest.setSystemTime(Date.now() + 3_600_000);
  jest.advanceTimersByTime(3_600_000);
  expect(lock.isHeld).toBe(true);
  expect(await lock.renew()).toBe(token);
  await lock.release();
  const connected = await setting.manager();
  await connected.close();
});

test("a bounded wait of more than 24 days is not over at once", async () => {
  await using manager = new ZkLockManager().init(new InMemoryZooKeeper().client());
  const lock = manager.createLock("r");
  await lock.acquire();
  let drained = false;
  const draining = manager.drain(1e12).then(() => (drained = true));
  await sleep(50);
  expect(drained).toBe(false);
  await lock.release();
  await draining;
});
