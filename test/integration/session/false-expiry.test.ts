import { expect, test } from "@jest/globals";
import { until } from "../../helpers/until.js";
import { journal, rejection, timeoutOf, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

/**
 * A client can believe in an expiry that has not happened: it was told so by a server that knew no better. Its session, and the
 * ticket in it, live on until the session really ends.
 */
const SESSION_MS = 4_000;

/** A manager that held the resource and was then told, falsely, that its session is over. */
async function expelled() {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: SESSION_MS });
  const lock = manager.createLock(resource);
  const heard = journal(lock);
  const token = await lock.acquire();
  const session = manager.session.id;
  const [older] = await setting.tickets(resource);
  const { sprung } = await proxy.expireNext();
  const silentSince = performance.now();
  await proxy.cut();
  await sprung;
  await until(() => manager.session.state === "connected" && manager.session.id !== session, {
    what: "the next session",
  });
  expect(heard).toEqual(["acquired", "suspended", "lost: session-expired"]);
  await rejection(lock.release());
  // Alive, and first.
  expect(await setting.tickets(resource)).toEqual([older]);
  return { resource, lock, token, older, silentSince };
}

test("an older ticket of ours, in a session that we believe to be over, is waited for within the deadline", async () => {
  const { resource, lock, older } = await expelled();
  const started = performance.now();
  expect(await timeoutOf(lock, 300)).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT", ahead: 1, resource });
  expect(performance.now() - started).toBeLessThan(1_500);
  expect(lock.isHeld).toBe(false);
  expect(await lock.tryAcquire()).toBeNull();
  expect(await setting.tickets(resource)).toEqual([older]);
  // It goes with its session.
  await setting.queueOf(resource, 0);
});

test("it is never taken for the new one: the grant comes when the old session has ended, with a higher token", async () => {
  const { resource, lock, token, silentSince } = await expelled();
  const granted = lock.acquire();
  const tickets = await setting.queueOf(resource, 2);
  expect(lock.isHeld).toBe(false);
  expect(await granted).toBeGreaterThan(token);
  expect(performance.now() - silentSince).toBeGreaterThan(SESSION_MS - 1_000);
  expect(await setting.tickets(resource)).toEqual([tickets[1]]);
  await lock.release();
  await setting.queueOf(resource, 0);
});

test("a waiter that is told so is rejected, and the next acquire waits behind both", async () => {
  const resource = setting.resource();
  const holder = (await setting.manager()).createLock(resource);
  await holder.acquire();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: SESSION_MS });
  const lock = manager.createLock(resource);
  const waiting = rejection(lock.acquire());
  await setting.queueOf(resource, 2);
  const { sprung } = await proxy.expireNext();
  await proxy.cut();
  await sprung;
  expect(await waiting).toMatchObject({ code: "ERR_SESSION_LOST", resource });
  expect(await timeoutOf(lock, 300)).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT", ahead: 2 });
  const granted = lock.acquire();
  await setting.queueOf(resource, 3);
  await holder.release();
  expect(lock.isHeld).toBe(false);
  await granted;
  expect(await setting.tickets(resource)).toHaveLength(1);
  await lock.release();
});
