import { expect, test } from "@jest/globals";
import { ZkLockManager } from "../../../src/index.js";
import { InMemoryZooKeeper } from "../../../src/testing/index.js";
import { rejection, useSetting } from "../../helpers/setting.js";
import { member } from "../../helpers/member.js";

const setting = useSetting();

/** A session that outlives what these tests do to its connection, and whose keep-alive writes are rare. */
const LONG = { sessionTimeout: 10_000 };

async function storedWith(resource: string): Promise<unknown> {
  return JSON.parse((await setting.raw.get(setting.directory(resource))).data.toString());
}

test.each([
  ["the reply to the claim", "swallowReply", false],
  ["the claim itself", "swallowRequest", false],
  ["the reply to the claim, on a connection that stays", "swallowReply", true],
] as const)("lost: %s. The holder has one number, and nobody else has it", async (_, swallow, keepOpen) => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied(LONG);
  const lock = manager.createSemaphore(resource, { maxConcurrentHolders: 3 });
  const other = (await setting.manager()).createSemaphore(resource, { maxConcurrentHolders: 3 });
  const token = await lock.acquire();
  const { sprung } = await proxy[swallow]("setData", { keepOpen });
  const asking = lock.slot();
  await sprung;
  await other.acquire();
  const slots = await Promise.all([asking, other.slot()]);
  expect(new Set(slots).size).toBe(2);
  // What the server has written is ours, though we never heard of it.
  if (swallow === "swallowReply") expect(slots[0]).toBe(0);
  expect(await lock.slot()).toBe(slots[0]);
  expect(lock.token).toBe(token);
  expect((await manager.inspect(resource)).holders.map(({ slot }) => slot)).toEqual(slots);
  await lock.release();
  await other.release();
});

test("lost in memory: the reply to the claim", async () => {
  const zooKeeper = new InMemoryZooKeeper();
  const client = zooKeeper.client({ timeout: 60_000 });
  const manager = new ZkLockManager().init(client);
  const other = new ZkLockManager().init(zooKeeper.client({ timeout: 60_000 }));
  const [lock, next] = [manager, other].map((one) => one.createSemaphore("r", { maxConcurrentHolders: 2 }));
  await lock!.acquire();
  await next!.acquire();
  zooKeeper.dropReply(client, "set");
  const suspended = new Promise((resolve) => manager.once("suspended", () => resolve(true)));
  expect(await lock!.slot()).toBe(0);
  expect(await suspended).toBe(true);
  expect(await next!.slot()).toBe(1);
  await Promise.all([manager.close(), other.close()]);
  zooKeeper.stop();
});

test("the number of a process that is killed is free again", async () => {
  const resource = setting.resource();
  const worker = await member(setting);
  expect(await worker.call("slot", resource, 1)).toBe(0);
  const lock = (await setting.manager()).createSemaphore(resource, { maxConcurrentHolders: 1 });
  const acquiring = lock.acquire();
  await worker.kill();
  await acquiring;
  expect(await lock.slot()).toBe(0);
  await lock.release();
});

test("what is stored has no more entries than there are holders, however many there were", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createSemaphore(resource, { maxConcurrentHolders: 2 });
  for (let hold = 0; hold < 20; hold += 1) await lock.using((permit) => permit.slot());
  await lock.acquire();
  const latest = await lock.hold();
  expect(await latest.slot()).toBe(0);
  // By the sequence of a ticket; which one that is depends on whether the directory was reaped between two holds.
  const { slots, ...rest } = (await storedWith(resource)) as { slots: Record<string, number> };
  expect({ ...rest, slots: Object.values(slots) }).toEqual({ maxConcurrentHolders: 2, slots: [0] });
  await latest.release();
  await lock.release();
});

test("what somebody else has written into the directory is as good as nothing", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createSemaphore(resource, { maxConcurrentHolders: 2 });
  await lock.acquire();
  for (const data of ["", "nonsense", "[1]", "null", '{"slots":7}', '{"slots":{"x":0,"0":"0","1":1.5}}']) {
    await setting.raw.set(setting.directory(resource), data);
    expect((await (await setting.manager()).inspect(resource)).holders[0]).not.toHaveProperty("slot");
  }
  expect(await lock.slot()).toBe(0);
  await lock.release();
});

test("a holder whose ticket was deleted has no number: LockLostError", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createSemaphore(resource, { maxConcurrentHolders: 1 });
  lock.on("lost", () => undefined);
  await lock.acquire();
  const [ticket] = await setting.tickets(resource);
  await setting.raw.delete(`${setting.directory(resource)}/${ticket}`);
  expect(await rejection(lock.slot())).toMatchObject({ code: "ERR_LOCK_LOST", reason: "ticket-gone" });
  expect(await storedWith(resource)).toEqual({ maxConcurrentHolders: 1 });
  await rejection(lock.release());
});

test("who does not ask for a number writes nothing, and who asks writes once", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 60_000 });
  const lock = manager.createSemaphore(resource, { maxConcurrentHolders: 2 });
  await lock.acquire();
  await proxy.forgetRequests();
  const latest = await lock.hold();
  expect(await proxy.requestCount("setData")).toBe(0);
  await Promise.all([latest.slot(), latest.slot()]);
  await latest.slot();
  expect(await proxy.requestCount("setData")).toBe(1);
  await latest.release();
  await lock.release();
});

test("other kinds of locks have no such number", async () => {
  const manager = await setting.manager();
  const documents = manager.createReadWriteLock(setting.resource());
  for (const lock of [manager.createLock(setting.resource()), documents.read, documents.write]) {
    expect(lock).not.toHaveProperty("slot");
    expect(await lock.using((hold) => "slot" in hold)).toBe(false);
  }
});
