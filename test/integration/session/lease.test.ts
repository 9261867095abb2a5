import { expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type LockError, LockLostError, NotHeldError, type ZkLock } from "../../../src/index.js";
import type { TcpProxy } from "../../helpers/tcp-proxy.js";
import { until } from "../../helpers/until.js";
import { journal, rejection, SERVER, useSetting } from "../../helpers/setting.js";

const setting = useSetting();
const SESSION_MS = 3_000;
const LEASE_MS = 2_000;
const short = { sessionTimeout: SESSION_MS };

/** The network is whole again: what was lost is withdrawn, or gone with its session. */
async function backInTouch(proxy: TcpProxy, resource: string): Promise<void> {
  await proxy.resume();
  await setting.queueOf(resource, 0);
}

test("partitioned: the holder stops believing before the server ends its session", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied(short);
  const lock = manager.createLock(resource);
  const heard = journal(lock);
  const token = await lock.acquire();
  const { signal } = lock;
  let abortedAt = Infinity;
  signal.addEventListener("abort", () => (abortedAt = performance.now()));
  const next = (await setting.manager()).createLock(resource);
  let grantedAt = Infinity;
  const granted = next.acquire().then((given) => {
    grantedAt = performance.now();
    return given;
  });
  await setting.queueOf(resource, 2);

  await proxy.blackhole();
  const cutAt = performance.now();
  await until(() => !lock.isHeld, { what: "the lease to be over", everyMs: 1 });
  const overAt = performance.now();
  // The ticket stands: the server has not ended the session yet.
  expect(await setting.tickets(resource)).toHaveLength(2);
  expect({ token: lock.token, aborted: signal.aborted, leaseMs: manager.session.leaseMs }).toEqual({
    token: null,
    aborted: true,
    leaseMs: 0,
  });
  expect(signal.reason).toMatchObject({ code: "ERR_LOCK_LOST", reason: "lease-over", resource });
  const newToken = await granted;
  expect(newToken).toBeGreaterThan(token);
  expect(overAt - cutAt).toBeLessThanOrEqual(LEASE_MS + 100);
  expect(grantedAt - overAt).toBeGreaterThan(200);
  expect(abortedAt).toBeLessThan(grantedAt);
  expect(heard.at(-1)).toBe("lost: lease-over");
  await next.release();
});

test("the lease is over by a timer too, when nobody looks", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied(short);
  const lock = manager.createLock(resource);
  await lock.acquire();
  const lost = new Promise<LockLostError>((resolve) => lock.once("lost", resolve));
  await proxy.blackhole();
  const cutAt = performance.now();
  const error = await lost;
  expect(performance.now() - cutAt).toBeLessThan(LEASE_MS + 300);
  expect(error).toBeInstanceOf(LockLostError);
  expect(error).toMatchObject({ reason: "lease-over" });
  await backInTouch(proxy, resource);
});

test("back in touch after the lease, within the session: the hold stays lost, and its ticket is withdrawn", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 6_000 });
  const session = manager.session.id;
  const lock = manager.createLock(resource);
  const heard = journal(lock);
  const token = await lock.acquire();
  await proxy.pause();
  await until(() => !lock.isHeld, { what: "the lease to be over" });
  expect(manager.session).toMatchObject({ id: session, state: "lost", leaseMs: 0 });
  await proxy.resume();
  await setting.queueOf(resource, 0);
  expect(lock.isHeld).toBe(false);
  expect(heard.at(-1)).toBe("lost: lease-over");
  await until(() => manager.session.state === "connected", { what: "the session to be believed in again" });
  expect(manager.session.id).toBe(session);
  // A new hold settles the old one.
  expect(await lock.acquire()).toBeGreaterThan(token);
  expect(await lock.release()).toBe(true);
});

test("a hold outlives many leases while we are in touch, idle or not", async () => {
  const lock = (await setting.manager({ sessionTimeout: 1_000 })).createLock(setting.resource());
  const heard = journal(lock);
  const token = await lock.acquire();
  const until3Leases = performance.now() + 2_100;
  await until(() => performance.now() > until3Leases || !lock.isHeld, { what: "three leases" });
  expect(lock.token).toBe(token);
  expect(await lock.release()).toBe(true);
  expect(heard).toEqual(["acquired", "released"]);
});

test("release() after a loss rejects once with it, and is false from then on", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 1_500 });
  const lock = manager.createLock(resource);
  lock.on("lost", () => undefined);
  await lock.acquire();
  await lock.acquire();
  await proxy.blackhole();
  await until(() => !lock.isHeld, { what: "the lease to be over" });
  const error = await rejection<LockLostError>(lock.release());
  expect(error).toBeInstanceOf(LockLostError);
  expect(error).toMatchObject({ name: "LockLostError", code: "ERR_LOCK_LOST", reason: "lease-over" });
  expect(error.stack).toContain("lease.test");
  expect([await lock.release(), await lock.release()]).toEqual([false, false]);
  await backInTouch(proxy, resource);
});

test("a process that was stopped past its session says so on its first line after waking", async () => {
  const resource = setting.resource();
  const holder = await setting.holder(short);
  const token = await holder.call("acquire", resource);
  const told = holder.call("sleepwalk", resource, SESSION_MS - 500);
  await holder.event("walking");
  await holder.pause();
  const next = (await setting.manager()).createLock(resource);
  const newToken = await next.acquire({ timeout: 15_000 });
  expect(newToken).toBeGreaterThan(token);
  holder.resume();
  expect(await told).toEqual({
    before: { isHeld: true, token, aborted: false },
    after: { isHeld: false, token: null, aborted: true },
  });
  await expect(holder.call("release", resource)).rejects.toMatchObject({ code: "ERR_LOCK_LOST", reason: "lease-over" });
  expect(next.isHeld).toBe(true);
  await next.release();
});

test("a process that was stopped for a moment only still holds", async () => {
  const resource = setting.resource();
  const holder = await setting.holder({ sessionTimeout: 10_000 });
  const token = await holder.call("acquire", resource);
  const told = holder.call("sleepwalk", resource, 300);
  await holder.event("walking");
  await holder.pause();
  await new Promise((resolve) => setTimeout(resolve, 500));
  holder.resume();
  expect(await told).toEqual({
    before: { isHeld: true, token, aborted: false },
    after: { isHeld: true, token, aborted: false },
  });
  expect(await holder.call("release", resource)).toBe(true);
});

test("an acquire on the first line after waking is a hold of its own, and known as one", async () => {
  const resource = setting.resource();
  const holder = await setting.holder(short);
  const token = await holder.call("acquire", resource);
  const told = holder
    .call("sleepwalkAndAcquire", resource, SESSION_MS - 500)
    .catch((error: unknown) => (error as LockError).code);
  await holder.event("walking");
  await holder.pause();
  const next = (await setting.manager()).createLock(resource);
  expect(await next.acquire({ timeout: 15_000 })).toBeGreaterThan(token);
  holder.resume();
  await holder.event("lost");
  const newToken = next.token!;
  await next.release();
  const outcome = await told;
  // Either it still stood in line by the old session, which has ended; or it has got a hold in the new one.
  if (outcome !== "ERR_SESSION_LOST") {
    expect(outcome).toEqual({ isHeld: true, token: expect.any(Number), aborted: false });
    expect((outcome as { token: number }).token).toBeGreaterThan(newToken);
  }
});

test("a blocked event loop past the lease: an acquire right behind it is known as held", async () => {
  const resource = setting.resource();
  const manager = await setting.manager({ sessionTimeout: 6_000 });
  const lock = manager.createLock(resource);
  const heard = journal(lock);
  const token = await lock.acquire();
  // Longer than the lease, shorter than the session.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_200);
  const newToken = await lock.acquire();
  expect(newToken).toBeGreaterThan(token);
  expect({ isHeld: lock.isHeld, token: lock.token, holdCount: lock.holdCount }).toEqual({
    isHeld: true,
    token: newToken,
    holdCount: 1,
  });
  // Another handle enters it, instead of queueing up behind its own process.
  const other = manager.createLock(resource);
  expect(await other.acquire({ timeout: 1_000 })).toBe(newToken);
  await other.release();
  expect(await lock.release()).toBe(true);
  expect(heard.filter((event) => event.startsWith("lost"))).toEqual(["lost: lease-over"]);
});

test("the session expires while we hold: lost, and the manager goes on in a new session", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 1_500 });
  const session = manager.session.id;
  const lock = manager.createLock(resource);
  const heard = journal(lock);
  const token = await lock.acquire();
  await proxy.close();
  await proxy.cut();
  await setting.queueOf(resource, 0);
  await proxy.reopen();
  await until(() => manager.session.state === "connected", { what: "the new session" });
  expect(manager.session.id).not.toBe(session);
  expect(heard).toEqual(["acquired", "suspended", "lost: lease-over"]);
  expect(await lock.acquire()).toBeGreaterThan(token);
  await lock.release();
});

test("the session expires while we wait: SessionLostError, and the next acquire is of the new session", async () => {
  const resource = setting.resource();
  const holder = (await setting.manager()).createLock(resource);
  await holder.acquire();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 1_500 });
  const lock = manager.createLock(resource);
  const waiting = rejection(lock.acquire());
  await setting.queueOf(resource, 2);
  await proxy.close();
  await proxy.cut();
  await setting.queueOf(resource, 1);
  await proxy.reopen();
  const error = await waiting;
  expect(error).toMatchObject({ name: "SessionLostError", code: "ERR_SESSION_LOST", resource });
  const granted = lock.acquire();
  await setting.queueOf(resource, 2);
  await holder.release();
  expect(await granted).toEqual(expect.any(Number));
  await lock.release();
});

test("an administrator deletes the ticket of a long hold: 'lost' at once, with 'ticket-gone'", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  const heard = journal(lock);
  await lock.acquire();
  const { signal } = lock;
  const [ticket] = await setting.tickets(resource);
  await until(async () => (await setting.watches(resource)).has(ticket!), {
    what: "the holder to watch its own ticket",
  });
  await setting.raw.delete(`${setting.directory(resource)}/${ticket!}`);
  await until(() => heard.length > 1, { what: "the loss", timeoutMs: 1_000 });
  expect(heard).toEqual(["acquired", "lost: ticket-gone"]);
  expect({ isHeld: lock.isHeld, token: lock.token, aborted: signal.aborted }).toEqual({
    isHeld: false,
    token: null,
    aborted: true,
  });
  await expect(lock.release()).rejects.toMatchObject({ code: "ERR_LOCK_LOST", reason: "ticket-gone" });
});

test("the ticket is deleted while we are out of touch: lost after the reconnect", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 10_000 });
  const lock = manager.createLock(resource);
  const heard = journal(lock);
  await lock.acquire();
  const [ticket] = await setting.tickets(resource);
  await proxy.close();
  await proxy.cut();
  await until(() => heard.includes("suspended"), { what: "the hold to be suspended" });
  await setting.raw.delete(`${setting.directory(resource)}/${ticket!}`);
  await proxy.reopen();
  await until(() => heard.at(-1) === "lost: ticket-gone", { what: "the loss" });
  expect(lock.isHeld).toBe(false);
});

test("a waiter whose ticket is deleted is rejected when it looks again", async () => {
  const resource = setting.resource();
  const holder = (await setting.manager()).createLock(resource);
  await holder.acquire();
  const lock = (await setting.manager()).createLock(resource);
  const waiting = rejection(lock.acquire());
  const [, ticket] = await setting.queueOf(resource, 2);
  await setting.raw.delete(`${setting.directory(resource)}/${ticket!}`);
  await holder.release();
  expect(await waiting).toMatchObject({ code: "ERR_LOCK_LOST", reason: "ticket-gone", resource });
  expect(lock.isHeld).toBe(false);
});

test("renew() gives the token, by the quorum, and freshens the lease", async () => {
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 6_000 });
  const lock = manager.createLock(setting.resource());
  const token = await lock.acquire();
  await until(() => manager.session.leaseMs < 3_700, { what: "the lease to run a little" });
  await proxy.forgetRequests();
  expect(await lock.renew()).toBe(token);
  expect(manager.session.leaseMs).toBeGreaterThan(3_900);
  expect(await proxy.requestCount("setData")).toBeGreaterThanOrEqual(1);
  await lock.release();
});

test("renew() without a hold is NotHeldError, of a lost hold too", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  expect(await rejection(lock.renew())).toBeInstanceOf(NotHeldError);
  await lock.acquire();
  await lock.release();
  expect(await rejection(lock.renew())).toMatchObject({ name: "NotHeldError", code: "ERR_NOT_HELD", resource });
});

test("renew() of a hold whose ticket is gone is LockLostError", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  const heard = journal(lock);
  await lock.acquire();
  const [ticket] = await setting.tickets(resource);
  await setting.raw.delete(`${setting.directory(resource)}/${ticket!}`);
  const error = await rejection(lock.renew());
  // The watch on the own ticket may have been quicker.
  if (!(error instanceof NotHeldError)) expect(error).toMatchObject({ code: "ERR_LOCK_LOST", reason: "ticket-gone" });
  expect(lock.isHeld).toBe(false);
  await until(() => heard.length === 2, { what: "the loss" });
  expect(heard).toEqual(["acquired", "lost: ticket-gone"]);
});

test("renew() while out of touch waits for the answer, and not past the lease", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied(short);
  const lock = manager.createLock(resource);
  lock.on("lost", () => undefined);
  const token = await lock.acquire();
  await proxy.pause();
  const renewed = lock.renew();
  await proxy.resume();
  expect(await renewed).toBe(token);
  await proxy.blackhole();
  const started = performance.now();
  const error = await rejection(lock.renew());
  expect(error).toMatchObject({ code: "ERR_LOCK_LOST" });
  expect(performance.now() - started).toBeLessThan(LEASE_MS + 1_500);
  await backInTouch(proxy, resource);
});

test("renew() that is under way when the hold is given back is NotHeldError, at once", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 10_000 });
  const lock = manager.createLock(resource);
  await lock.acquire();
  await proxy.close();
  await proxy.cut();
  await until(() => manager.session.state === "suspended", { what: "the manager to be out of touch" });
  const renewed = rejection(lock.renew());
  await lock.release();
  expect(await renewed).toMatchObject({ code: "ERR_NOT_HELD" });
  await proxy.reopen();
  await setting.queueOf(resource, 0);
});

test("a loss that nobody listens for ends no process: release() tells it", async () => {
  const directory = setting.directory(setting.resource());
  const script = fileURLToPath(new URL("workers/unheard-loss.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", script, SERVER, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  setting.later(() => child.kill("SIGKILL"));
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await until(() => output.includes("acquired"), { what: "the child to hold" });
  const [ticket] = await setting.raw.children(`${directory}/resource`);
  await setting.raw.delete(`${directory}/resource/${ticket!}`);
  expect(await ended).toBe(0);
  expect(output.trim().split("\n")).toEqual(["acquired", "caught ERR_LOCK_LOST", "closed"]);
});

const LISTENERS: Record<string, (lock: ZkLock, tell: () => void) => void> = {
  "a 'lost' listener": (lock, tell) => lock.on("lost", tell),
  "a reader of the signal": (lock, tell) => lock.signal.addEventListener("abort", tell),
  "nobody but release()": (lock, tell) => void until(() => !lock.isHeld, { what: "the loss" }).then(tell),
};

test.each(Object.keys(LISTENERS))("a loss that %s hears of is no 'error'", async (kind) => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  await lock.acquire();
  let isTold = false;
  LISTENERS[kind]!(lock, () => (isTold = true));
  const [ticket] = await setting.tickets(resource);
  await setting.raw.delete(`${setting.directory(resource)}/${ticket!}`);
  await until(() => isTold, { what: "the loss" });
  await rejection(lock.release());
  expect(setting.errors).toEqual([]);
});
