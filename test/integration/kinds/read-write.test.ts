import { expect, test } from "@jest/globals";
import type { ZkLock } from "../../../src/index.js";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../../helpers/setting.js";
import { member, useNotes } from "../../helpers/member.js";

const setting = useSetting();
const notes = useNotes();

/** An acquire under way, and whether it has been granted. */
function asking(lock: ZkLock): { granted: boolean; done: Promise<number> } {
  const state = { granted: false, done: Promise.resolve(0) };
  state.done = lock.acquire().then((token) => {
    state.granted = true;
    return token;
  });
  return state;
}

test("never a writer with anybody, over tasks and processes", async () => {
  const resource = setting.resource();
  const workers = await Promise.all([member(setting), member(setting)]);
  await Promise.all(workers.map((worker) => worker.call("readAndWrite", resource, 25, notes.file("journal"))));
  const steps = notes.lines("journal");
  expect(steps).toHaveLength(2 * 2 * 3 * 25);
  const inside = { R: 0, W: 0 };
  let mostReaders = 0;
  for (const step of steps) {
    const who = step.toUpperCase() as "R" | "W";
    inside[who] += step === who ? 1 : -1;
    expect(inside.W > 0 ? inside.W + inside.R : 1).toBe(1);
    mostReaders = Math.max(mostReaders, inside.R);
  }
  expect(mostReaders).toBeGreaterThan(1);
});

test("readers hold together, a writer alone", async () => {
  const resource = setting.resource();
  const [a, b, c] = await Promise.all(
    [0, 1, 2].map(async () => (await setting.manager()).createReadWriteLock(resource)),
  );
  await a!.read.acquire();
  expect(await b!.read.tryAcquire()).not.toBeNull();
  expect(await c!.write.tryAcquire()).toBeNull();
  await Promise.all([a!.read.release(), b!.read.release()]);
  const token = await c!.write.acquire();
  expect(token).toBe(c!.write.token);
  expect(await a!.read.tryAcquire()).toBeNull();
  expect(await b!.write.tryAcquire()).toBeNull();
  await c!.write.release();
});

test("a reader behind a waiting writer waits, so readers never keep a writer out", async () => {
  const resource = setting.resource();
  const [a, b, c] = await Promise.all(
    [0, 1, 2].map(async () => (await setting.manager()).createReadWriteLock(resource)),
  );
  await a!.read.acquire();
  const writer = asking(b!.write);
  await setting.queueOf(resource, 2);
  expect(await c!.read.tryAcquire()).toBeNull();
  const reader = asking(c!.read);
  await setting.queueOf(resource, 3);
  await a!.read.release();
  await writer.done;
  expect(reader.granted).toBe(false);
  await b!.write.release();
  await reader.done;
  await c!.read.release();
});

test("a stream of readers does not starve a writer", async () => {
  const resource = setting.resource();
  const [a, b, c] = await Promise.all(
    [0, 1, 2].map(async () => (await setting.manager()).createReadWriteLock(resource, { reentrancy: "none" })),
  );
  let streaming = true;
  let reads = 0;
  const stream = async (read: ZkLock): Promise<void> => {
    while (streaming) await read.using(() => new Promise((resolve) => setTimeout(resolve, (reads += 1) % 3)));
  };
  const streams = [stream(a!.read), stream(a!.read), stream(b!.read), stream(b!.read)];
  await until(() => reads > 20, { what: "the stream to run" });
  await c!.write.acquire({ timeout: 5_000 });
  await c!.write.release();
  streaming = false;
  await Promise.all(streams);
});

test("a departure wakes one: a writer watches its predecessor, a reader the last writer before it", async () => {
  const resource = setting.resource();
  const locks = await Promise.all(
    [0, 1, 2, 3].map(async () => (await setting.manager()).createReadWriteLock(resource)),
  );
  await locks[0]!.read.acquire();
  const waiting = [locks[1]!.write.acquire()];
  await setting.queueOf(resource, 2);
  for (const place of [2, 3]) {
    waiting.push(locks[place]!.read.acquire());
    await setting.queueOf(resource, place + 1);
  }
  const [reader, writer] = await setting.tickets(resource);
  await until(
    async () => {
      const watches = await setting.watches(resource);
      // The first reader watches its own ticket too; the writer's is watched by both readers behind it.
      return watches.get(reader!) === 2 && watches.get(writer!) === 2 && watches.size === 2;
    },
    { what: "the watches to stand" },
  );
  await locks[0]!.read.release();
  await waiting[0];
  await locks[1]!.write.release();
  await Promise.all(waiting);
  await Promise.all([locks[2]!.read.release(), locks[3]!.read.release()]);
});

test("a writer may read too, and giving the write lock up then lets other readers in, and no writer", async () => {
  const resource = setting.resource();
  const [a, b, c] = await Promise.all(
    [0, 1, 2].map(async () => (await setting.manager()).createReadWriteLock(resource)),
  );
  await a!.write.acquire();
  await a!.read.acquire();
  expect([a!.write.isHeld, a!.read.isHeld]).toEqual([true, true]);
  expect(await b!.read.tryAcquire()).toBeNull();
  await a!.write.release();
  expect([a!.write.isHeld, a!.read.isHeld]).toEqual([false, true]);
  expect(await b!.read.tryAcquire()).not.toBeNull();
  expect(await c!.write.tryAcquire()).toBeNull();
  await Promise.all([a!.read.release(), b!.read.release()]);
});

test("a downgrade keeps its place when a writer queued up before the read lock was taken", async () => {
  const resource = setting.resource();
  const [a, b, c] = await Promise.all(
    [0, 1, 2].map(async () => (await setting.manager()).createReadWriteLock(resource)),
  );
  await a!.write.acquire();
  const writer = asking(b!.write);
  await setting.queueOf(resource, 2);
  await a!.read.acquire();
  await a!.write.release();
  expect(a!.read.isHeld).toBe(true);
  // Nobody gets in between: neither the writer that queued up before, nor a reader behind it.
  expect(await c!.write.tryAcquire()).toBeNull();
  expect(await c!.read.tryAcquire()).toBeNull();
  expect(writer.granted).toBe(false);
  await a!.read.release();
  await writer.done;
  await b!.write.release();
});

test("a downgraded reader is lost when the ticket that keeps its place is deleted", async () => {
  const resource = setting.resource();
  const [a, b] = await Promise.all([0, 1].map(async () => (await setting.manager()).createReadWriteLock(resource)));
  await a!.write.acquire();
  const writer = asking(b!.write);
  await setting.queueOf(resource, 2);
  await a!.read.acquire();
  await a!.write.release();
  const lost = new Promise((resolve) => a!.read.on("lost", resolve));
  const [placeholder] = await setting.tickets(resource);
  await setting.raw.delete(`${setting.directory(resource)}/${placeholder!}`);
  expect(await lost).toMatchObject({ reason: "ticket-gone" });
  await writer.done;
  await b!.write.release();
  await rejection(a!.read.release());
});

test("giving the read lock up first leaves the writer a writer", async () => {
  const resource = setting.resource();
  const [a, b] = await Promise.all([0, 1].map(async () => (await setting.manager()).createReadWriteLock(resource)));
  await a!.write.acquire();
  await a!.read.acquire();
  await a!.read.release();
  expect(a!.write.isHeld).toBe(true);
  expect(await b!.read.tryAcquire()).toBeNull();
  await a!.write.release();
  expect(await b!.write.tryAcquire()).not.toBeNull();
  await b!.write.release();
});

test("an upgrade is refused at once, and leaves nothing behind", async () => {
  const resource = setting.resource();
  const manager = await setting.manager();
  const { read, write } = manager.createReadWriteLock(resource);
  await read.acquire();
  expect(await rejection(write.acquire())).toMatchObject({ code: "ERR_UPGRADE_REFUSED", resource });
  expect(await rejection(write.tryAcquire())).toMatchObject({ code: "ERR_UPGRADE_REFUSED" });
  expect(await rejection(write.using(() => undefined))).toMatchObject({ code: "ERR_UPGRADE_REFUSED" });
  // Another pair of handles is the same process.
  const again = manager.createReadWriteLock(resource);
  expect(await rejection(again.write.acquire())).toMatchObject({ code: "ERR_UPGRADE_REFUSED" });
  expect(read.isHeld).toBe(true);
  await setting.queueOf(resource, 1);
  await read.release();
  await write.acquire();
  await write.release();
  await read.acquire();
  await rejection(write.acquire());
  await read.release();
  const startedAt = performance.now();
  expect(await manager.drain(3_000)).toEqual([]);
  expect(performance.now() - startedAt).toBeLessThan(1_500);
});

test("many tasks try to read at once, and all of them may", async () => {
  const { read } = (await setting.manager()).createReadWriteLock(setting.resource(), { reentrancy: "none" });
  const numbers = await Promise.all(Array.from({ length: 12 }, () => read.tryAcquire()));
  expect(numbers).not.toContain(null);
  expect(new Set(numbers).size).toBe(12);
  for (let given = 0; given < numbers.length; given += 1) expect(await read.release()).toBe(true);
});

test("the writer's token is a fence, the reader's number is not", async () => {
  const { read, write } = (await setting.manager()).createReadWriteLock(setting.resource());
  expect([read.shared, write.shared]).toEqual([true, false]);
  const tokens: number[] = [];
  for (let hold = 0; hold < 3; hold += 1) {
    tokens.push(await write.acquire());
    await write.release();
  }
  expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
});
