import { expect, test } from "@jest/globals";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

test("inspect names holder and waiters in order, with token, identity, session and since when", async () => {
  const resource = setting.resource();
  const before = Date.now();
  const managers = await Promise.all(["a", "b", "c"].map((who) => setting.manager({ identity: { who } })));
  const locks = managers.map((manager) => manager.createLock(resource));
  const token = await locks[0]!.acquire();
  const waiting = [locks[1]!.acquire()];
  await setting.queueOf(resource, 2);
  waiting.push(locks[2]!.acquire());
  await setting.queueOf(resource, 3);
  const { holders, waiters, ...rest } = await managers[2]!.inspect(resource);
  expect(rest).toEqual({ resource, kind: "mutex" });
  expect(holders).toMatchObject([
    { position: 0, token, identity: { who: "a" }, sessionId: managers[0]!.session.id, sequence: 0, shared: false },
  ]);
  expect(waiters).toMatchObject([
    { position: 1, identity: { who: "b" }, sessionId: managers[1]!.session.id },
    { position: 2, identity: { who: "c" }, sessionId: managers[2]!.session.id },
  ]);
  for (const { since, queuedSince } of [...holders, ...waiters]) {
    expect(since.getTime()).toBeGreaterThanOrEqual(before - 1);
    expect(since.getTime()).toBeLessThanOrEqual(Date.now() + 1);
    expect(queuedSince.getTime()).toBeLessThanOrEqual(since.getTime());
  }
  for (const [place, lock] of locks.entries()) {
    if (place > 0) expect(await waiting[place - 1]).toBe(waiters[place - 1]!.token);
    await lock.release();
  }
});

test("inspect tells since when a hold that was waited for is held, not since when it queued", async () => {
  const resource = setting.resource();
  const [first, second] = await Promise.all([0, 1].map(async () => (await setting.manager()).createLock(resource)));
  await first!.acquire();
  const acquiring = second!.acquire();
  await setting.queueOf(resource, 2);
  const waitedUntil = Date.now() + 50;
  await until(() => Date.now() >= waitedUntil, { what: "some time to pass" });
  await first!.release();
  await acquiring;
  const grantedAt = Date.now();
  const administrator = await setting.manager();
  const holder = await until(
    async () => {
      const [status] = (await administrator.inspect(resource)).holders;
      return status!.since > status!.queuedSince && status;
    },
    { what: "the holder to say since when" },
  );
  expect(holder.since.getTime()).toBeGreaterThanOrEqual(waitedUntil);
  expect(Math.abs(holder.since.getTime() - grantedAt)).toBeLessThan(1_900);
  await second!.release();
});

test("inspect knows readers, writers and permits", async () => {
  const manager = await setting.manager();
  const documents = manager.createReadWriteLock(setting.resource(), { reentrancy: "none" });
  await documents.read.acquire();
  await documents.read.acquire();
  const writing = documents.write.acquire();
  await setting.queueOf(documents.resource, 3);
  const seen = await manager.inspect(documents.resource);
  expect(seen.kind).toBe("read-write");
  expect(seen.holders.map(({ shared }) => shared)).toEqual([true, true]);
  expect(seen.waiters.map(({ shared }) => shared)).toEqual([false]);
  await documents.read.release();
  await documents.read.release();
  await writing;
  await documents.write.release();

  const permits = manager.createSemaphore(setting.resource(), { maxConcurrentHolders: 2 });
  const numbers = [await permits.acquire(), await permits.acquire()];
  const third = permits.acquire();
  await setting.queueOf(permits.resource, 3);
  const pool = await manager.inspect(permits.resource);
  expect(pool).toMatchObject({ kind: "semaphore", maxConcurrentHolders: 2 });
  expect(pool.holders.map(({ token }) => token)).toEqual(numbers);
  expect(pool.waiters.map(({ position }) => position)).toEqual([2]);
  await permits.release();
  await third;
  await permits.release();
  await permits.release();
});

test("a resource that nobody uses has no holders and no waiters, and looking leaves no trace", async () => {
  const resource = setting.resource();
  const manager = await setting.manager();
  expect(await manager.inspect(resource)).toEqual({ resource, kind: "mutex", holders: [], waiters: [] });
  expect(await setting.raw.exists(setting.directory(resource))).toBe(false);
  expect(await manager.list()).not.toContain(resource);
});

test("list names the resources as their users do, whatever is in the names", async () => {
  const manager = await setting.manager();
  const names = ["a/b", "..", "über 100% ☃", setting.resource()];
  const locks = names.map((name) => manager.createLock(name));
  for (const lock of locks) await lock.acquire();
  await setting.raw.create(`${setting.root}/%zz`);
  const listed = await manager.list();
  expect(listed).toEqual(expect.arrayContaining(names));
  expect(listed).not.toContain("%zz");
  for (const lock of locks) await lock.release();
});

test("children that are no tickets of any recipe are not there for inspect", async () => {
  const resource = setting.resource();
  const manager = await setting.manager();
  const lock = manager.createLock(resource);
  await lock.acquire();
  await setting.raw.create(`${setting.directory(resource)}/note`);
  const { holders, waiters } = await manager.inspect(resource);
  expect([holders.length, waiters.length]).toEqual([1, 0]);
  await lock.release();
  await setting.raw.delete(`${setting.directory(resource)}/note`);
});

test("a waiter hears how many are ahead, each time that changes", async () => {
  const resource = setting.resource();
  const [a, b, c] = await Promise.all([0, 1, 2].map(async () => (await setting.manager()).createLock(resource)));
  await a!.acquire();
  const second = b!.acquire();
  await setting.queueOf(resource, 2);
  const ahead: number[] = [];
  c!.on("queued", (place) => ahead.push(place.ahead));
  const third = c!.acquire();
  await until(() => ahead.length === 1, { what: "the first news" });
  expect(ahead).toEqual([2]);
  const abandoned = rejection((await setting.manager()).createLock(resource).acquire({ timeout: 200 }));
  expect(await abandoned).toMatchObject({ ahead: 3 });
  await a!.release();
  await second;
  await b!.release();
  await third;
  expect(ahead.every((places) => places <= 2)).toBe(true);
  await c!.release();
});

test("findDeadlocks names the processes that wait for each other, and what for", async () => {
  const [p, q, r] = [setting.resource(), setting.resource(), setting.resource()];
  const [a, b, c] = await Promise.all(["a", "b", "c"].map((who) => setting.manager({ identity: { who } })));
  const locks = [a!.createLock(p), b!.createLock(q), c!.createLock(r)];
  for (const lock of locks) await lock.acquire();
  expect(await a!.findDeadlocks()).toEqual([]);
  const abort = new AbortController();
  const chain = [
    a!.createLock(q).acquire({ signal: abort.signal }),
    b!.createLock(r).acquire({ signal: abort.signal }),
  ].map((waiting) => rejection(waiting));
  await setting.queueOf(r, 2);
  await setting.queueOf(q, 2);
  // A chain is no circle.
  expect(await c!.findDeadlocks()).toEqual([]);
  chain.push(rejection(c!.createLock(p).acquire({ signal: abort.signal })));
  await setting.queueOf(p, 2);
  const [deadlock, ...others] = await c!.findDeadlocks();
  expect(others).toEqual([]);
  expect(deadlock).toHaveLength(3);
  expect(new Map(deadlock!.map(({ identity, holds, waitsFor }) => [identity?.["who"], [holds, waitsFor]]))).toEqual(
    new Map([
      ["a", [p, q]],
      ["b", [q, r]],
      ["c", [r, p]],
    ]),
  );
  expect(deadlock!.map(({ sessionId }) => sessionId).sort()).toEqual(
    [a, b, c].map((manager) => manager!.session.id).sort(),
  );
  abort.abort();
  await Promise.all(chain);
  for (const lock of locks) await lock.release();
});
