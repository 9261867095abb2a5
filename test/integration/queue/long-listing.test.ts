import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { once } from "node:events";
import { RawClient } from "../../helpers/raw-client.js";
import { until } from "../../helpers/until.js";
import { canStartServers, startServer, type ZooKeeperServer } from "../../helpers/zookeeper-server.js";
import { timeoutOf, useSetting } from "../../helpers/setting.js";

/** Long names make a long listing of few nodes. (Of Apache Curator's, 55 bytes long, it takes 17,000 for the first size.) */
const NAME_BYTES = 256;
/** Each comes with its length in front. */
const BYTES_PER_NAME = NAME_BYTES + 4;
const MEGABYTE = 2 ** 20;
/** A server refuses longer requests, and Java's clients longer replies; ours takes what comes. */
const SIZES = { "near 1 MB": 0.98 * MEGABYTE, "of 1.5 MB": 1.5 * MEGABYTE };

let server: ZooKeeperServer | undefined;
let raw: RawClient;
beforeAll(async () => {
  if (!canStartServers()) return;
  server = await startServer({ jvmFlags: ["-Xmx512m"] });
  raw = await RawClient.connect(server.connectString, 30_000);
}, 60_000);
afterAll(async () => {
  if (server === undefined) return;
  await raw.close();
  await server.stop();
});

const setting = useSetting();

/** Fills a resource's directory with persistent nodes, up to a listing of so many bytes. */
async function fill(resource: string, bytes: number, endOf: (digits: string) => string): Promise<number> {
  const directory = setting.directory(resource);
  await raw.mkdirp(directory);
  const count = Math.floor(bytes / BYTES_PER_NAME);
  await Promise.all(
    Array.from({ length: count }, (_, number) =>
      raw.create(`${directory}/${endOf(String(number).padStart(10, "0")).padStart(NAME_BYTES, "_c_")}`),
    ),
  );
  return count;
}

(canStartServers() ? describe : describe.skip).each(Object.entries(SIZES))("a listing %s", (_, bytes) => {
  const managers = () =>
    Promise.all([1, 2].map(() => setting.manager({ sessionTimeout: 30_000 }, server!.connectString)));

  test("of anything: the lock is acquired, refused, waited for, inspected and watched as ever", async () => {
    const resource = setting.resource();
    const count = await fill(resource, bytes, (digits) => `-odd-${digits}`);
    expect(count * BYTES_PER_NAME).toBeGreaterThan(bytes - BYTES_PER_NAME);
    const [one, other] = await managers();
    const [lock, rival] = [one!.createLock(resource), other!.createLock(resource)];
    const seen: string[] = [];
    const watcher = other!.watch(resource);
    setting.later(() => watcher.close());
    watcher.on("event", ({ type }) => seen.push(type));
    const token = await lock.acquire();
    await until(() => seen.includes("locked"), { what: "the watcher to see the hold" });
    expect(await rival.tryAcquire()).toBeNull();
    expect(await timeoutOf(rival, 1_000)).toMatchObject({ ahead: 1 });
    // Who holds is told where it can be found out in a tenth of a second.
    await until(async () => (await timeoutOf(rival, 100)).holder?.["pid"] === process.pid, {
      what: "the holder's name",
    });
    const granted = rival.acquire();
    await until(async () => (await one!.inspect(resource)).waiters.length === 1, { what: "the waiter" });
    const { holders, waiters } = await one!.inspect(resource);
    expect({ holders: holders.map((holder) => holder.token), waiters: waiters.length }).toEqual({
      holders: [token],
      waiters: 1,
    });
    expect(await lock.renew()).toBe(token);
    await lock.release();
    expect(await granted).toBeGreaterThan(token);
    await rival.release();
    await until(() => seen.at(-1) === "unlocked", { what: "the watcher to see the release" });
    expect(await raw.children(setting.directory(resource))).toHaveLength(count);
  }, 60_000);

  test("of tickets: we stand behind all of them, and see them all", async () => {
    const resource = setting.resource();
    const count = await fill(resource, bytes, (digits) => `-lock-${digits}`);
    const [manager] = await managers();
    const lock = manager!.createLock(resource);
    expect(await lock.tryAcquire()).toBeNull();
    const { holders, waiters } = await manager!.inspect(resource);
    expect({ holders: holders.length, waiters: waiters.length }).toEqual({ holders: 1, waiters: count - 1 });
    const queued = once(lock, "queued");
    const granted = lock.acquire();
    expect(await queued).toEqual([{ ahead: count }]);
    const directory = setting.directory(resource);
    const names = (await raw.children(directory)).filter((name) => name.startsWith("_c_"));
    await Promise.all(names.map((name) => raw.delete(`${directory}/${name}`)));
    await granted;
    expect(await raw.children(directory)).toHaveLength(1);
    await lock.release();
  }, 60_000);
});
