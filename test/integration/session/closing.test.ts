import { expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { LockError, LockLostError, SessionLostError, ZkLockManager } from "../../../src/index.js";
import { type InMemoryClient, InMemoryZooKeeper, VirtualClock } from "../../../src/testing/index.js";
import { ask } from "../../helpers/server-statistics.js";
import { until } from "../../helpers/until.js";
import { journal, rejection, SERVER, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

test("acquires pending at close() are rejected, and their tickets are gone", async () => {
  const resource = setting.resource();
  const [one, other] = await Promise.all([setting.manager(), setting.manager()]);
  const holder = one.createLock(resource);
  await holder.acquire();
  const waiting = [1, 2, 3, 4, 5].map(() =>
    rejection<LockError>(other.createLock(resource, { reentrancy: "none" }).acquire()),
  );
  await setting.queueOf(resource, 4);
  await other.close();
  for (const error of await Promise.all(waiting)) {
    expect(error).toBeInstanceOf(SessionLostError);
    expect(error).toMatchObject({ name: "ManagerClosedError", code: "ERR_MANAGER_CLOSED", reason: "closed", resource });
  }
  expect(await setting.tickets(resource)).toHaveLength(1);
  await holder.release();
});

test("holders are told by LockLostError, reason 'closed', and what they held is free", async () => {
  const resource = setting.resource();
  const manager = await setting.manager();
  const lock = manager.createLock(resource);
  const heard = journal(lock);
  const token = await lock.acquire();
  const { signal } = lock;
  await manager.close();
  expect(heard).toEqual(["acquired", "lost: closed"]);
  expect({ isHeld: lock.isHeld, token: lock.token, holdCount: lock.holdCount }).toEqual({
    isHeld: false,
    token: null,
    holdCount: 0,
  });
  expect(signal.aborted).toBe(true);
  expect(signal.reason).toBeInstanceOf(LockLostError);
  expect(signal.reason).toMatchObject({ reason: "closed", resource });
  expect(await setting.tickets(resource)).toEqual([]);
  const next = (await setting.manager()).createLock(resource);
  expect(await next.tryAcquire()).toBeGreaterThan(token);
  await next.release();

  expect(await rejection(lock.release())).toMatchObject({ code: "ERR_LOCK_LOST", reason: "closed" });
  expect(await lock.release()).toBe(false);
});

test("a holder that does not listen is nobody's error at close()", async () => {
  const manager = await setting.manager();
  await manager.createLock(setting.resource()).acquire();
  await manager.close();
  expect(setting.errors).toEqual([]);
});

test("`using` that runs at close() rejects with the loss", async () => {
  const manager = await setting.manager();
  const error = await rejection(manager.createLock(setting.resource()).using(() => manager.close()));
  expect(error).toMatchObject({ code: "ERR_LOCK_LOST", reason: "closed" });
});

test("close() is idempotent, and a manager is disposed of by closing it", async () => {
  const manager = await setting.manager();
  const [first, second] = [manager.close(), manager.close()];
  await Promise.all([first, second, manager[Symbol.asyncDispose]()]);
  await manager.close();
  expect(manager.session).toMatchObject({ state: "lost", leaseMs: 0 });
});

test("after close() nothing can be acquired, and nothing hangs", async () => {
  const manager = await setting.manager();
  const lock = manager.createLock(setting.resource());
  const closing = manager.close();
  for (const attempt of [lock.acquire(), lock.tryAcquire(), lock.using(() => undefined)]) {
    expect(await rejection(attempt)).toMatchObject({
      code: "ERR_MANAGER_CLOSED",
      reason: "closed",
      message: "The manager has been closed.",
    });
  }
  await closing;
  expect(await rejection(lock.acquire())).toBeInstanceOf(LockError);
  expect(await rejection(manager.createLock(setting.resource()).acquire())).toBeInstanceOf(LockError);
  expect(await rejection(lock.renew())).toMatchObject({ code: "ERR_NOT_HELD" });
  expect(await lock.release()).toBe(false);
  expect(() => manager.init(setting.client())).toThrow(LockError);
});

test("close() resolves soon while the connection is down", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied();
  const lock = manager.createLock(resource);
  const heard = journal(lock);
  await lock.acquire();
  await proxy.close();
  await proxy.cut();
  await until(() => manager.session.state === "suspended", { what: "the manager to be out of touch" });
  const started = performance.now();
  await manager.close();
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(heard).toEqual(["acquired", "suspended", "lost: closed"]);
  // Nobody can withdraw the ticket now, so it dies with the session.
  await setting.queueOf(resource, 0);
});

test("close() while the session is being taken over ends it, once the servers are there again", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 20_000 });
  await manager.createLock(resource).acquire();
  await proxy.close();
  await proxy.cut();
  await until(() => manager.session.state === "suspended", { what: "the manager to be out of touch" });
  const closing = manager.close();
  await proxy.reopen();
  await closing;
  // Not at its timeout, which is a long way off.
  expect(await setting.tickets(resource)).toEqual([]);
});

test("close() resolves soon while a new session is being sought", async () => {
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 1_500 });
  await proxy.close();
  await proxy.cut();
  await until(() => manager.session.state === "lost", { what: "the lease to be over" });
  const started = performance.now();
  await manager.close();
  expect(performance.now() - started).toBeLessThan(5_000);
});

test("close() of a manager that never had a client resolves", async () => {
  await new ZkLockManager().close();
});

test.each([
  ["a client of the manager's own", true],
  ["a client that was handed in, and that its owner closes right behind", false],
])(
  "the end of a session that unanswered requests always swallow is asked for when all is answered: %s",
  async (_, isOurs) => {
    const clock = new VirtualClock();
    const zk = new InMemoryZooKeeper({ clock, latencyMs: { min: 1, max: 20 }, closeLosesRequests: 1 });
    const open = (credentials = {}): InMemoryClient => zk.client({ timeout: 30_000, ...credentials }).init();
    const handedIn = isOurs ? null : open();
    const source = {
      takeOver: "at-once",
      next: () => Promise.resolve(open()),
      resume: () => Promise.resolve(open()),
      windowMs: () => 1_000,
    } as const;
    const manager = new ZkLockManager();
    if (handedIn === null) manager.initFrom(() => source, clock);
    else manager.init(handedIn);
    const pool = manager.createSemaphore("pool", { maxConcurrentHolders: 50 });
    const all = Promise.allSettled(Array.from({ length: 60 }, () => pool.acquire()));
    // In the moment of a keep-alive, and of a look at the queue.
    await clock.advance(5_000);
    const looking = manager.inspect("pool").catch(() => undefined);
    const closing = manager.close().then(() => handedIn?.close());
    await clock.advance(1_000);
    await Promise.all([closing, all, looking]);
    expect([zk.tickets(), zk.sessions(), zk.hazards]).toEqual([[], [], []]);
  },
);

test.each([
  ["10 holds", 10, ""],
  ["50 holds", 50, ""],
  ["50 holds once more", 50, ""],
  ["50 holds, waiting acquires, and slots", 50, "waiting and slots"],
  ["50 holds that a drain did not wait for", 50, "a drain"],
])("close() with %s ends the session, though the process exits right behind it", async (_, holds, how) => {
  const script = fileURLToPath(new URL("workers/closes-and-exits.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", script, SERVER, setting.root, String(holds), how], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  setting.later(() => child.kill("SIGKILL"));
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const id = /^session (\w+)$/m.exec(output)?.[1];
  expect({ code, id }).toEqual({ code: 0, id: expect.any(String) });
  // Its timeout is 20 s: what is gone at once was ended.
  expect(await ask(SERVER, "dump")).not.toContain(id);
});

test.each(["release and close", "close while holding", "close while waiting"])(
  "a script that connects and ends with %s exits by itself",
  async (how) => {
    const script = fileURLToPath(new URL("workers/short-script.ts", import.meta.url));
    const child = spawn(
      process.execPath,
      ["--import", "tsx", script, SERVER, setting.directory(setting.resource()), how],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    setting.later(() => child.kill("SIGKILL"));
    let output = "";
    let closedAt = 0;
    child.stdout.on("data", (bytes: Buffer) => {
      output += bytes.toString();
      if (output.includes("closed")) closedAt ||= performance.now();
    });
    const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
    expect({ code, output: output.trim() }).toEqual({ code: 0, output: "closed" });
    expect(performance.now() - closedAt).toBeLessThan(1_500);
  },
);
