import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../helpers/until.js";
import { sequenceOf, useSetting } from "../../helpers/setting.js";

const setting = useSetting();
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "zk-lock-tokens-"));
});
afterAll(() => rmSync(scratch, { recursive: true }));

function expectStrictlyRising(tokens: readonly number[]): void {
  expect(tokens.findIndex((token, index) => index > 0 && token <= tokens[index - 1]!)).toBe(-1);
}

test("the token is the directory's czxid plus the ticket's sequence", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  for (const sequence of [0, 1, 2]) {
    const token = await lock.acquire();
    const [ticket] = await setting.tickets(resource);
    const directory = await setting.raw.stat(setting.directory(resource));
    expect(sequenceOf(ticket!)).toBe(sequence);
    expect(token).toBe(directory!.czxid + sequence);
    await lock.release();
  }
});

test("tokens strictly rise over 1,000 holds", async () => {
  const lock = (await setting.manager()).createLock(setting.resource());
  const tokens: number[] = [];
  for (let hold = 0; hold < 1_000; hold += 1) {
    tokens.push(await lock.acquire());
    await lock.release();
  }
  expect(tokens.every((token) => Number.isSafeInteger(token))).toBe(true);
  expectStrictlyRising(tokens);
});

test("tokens strictly rise, in the order of the holds, over two processes", async () => {
  const resource = setting.resource();
  const file = join(scratch, "tokens");
  const holders = await Promise.all([setting.holder(), setting.holder()]);
  await Promise.all(holders.map((holder) => holder.call("cycle", resource, 200, file)));
  const tokens = readFileSync(file, "utf8").trim().split("\n").map(Number);
  expect(tokens).toHaveLength(400);
  expectStrictlyRising(tokens);
});

test("tokens go on rising when somebody deletes the empty directory between holds", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  const tokens: number[] = [];
  for (let life = 0; life < 20; life += 1) {
    for (let hold = 0; hold < 5; hold += 1) {
      tokens.push(await lock.acquire());
      await lock.release();
    }
    await setting.raw.delete(setting.directory(resource));
  }
  expectStrictlyRising(tokens);
});

test("tokens go on rising when the directory is deleted and a plain node is made in its place", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  const before = await lock.acquire();
  await lock.release();
  await setting.raw.delete(setting.directory(resource));
  await setting.raw.create(setting.directory(resource));
  expect(await lock.acquire()).toBeGreaterThan(before);
  await lock.release();
});

test("tokens go on rising when the server has reaped the empty directory", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  let before = 0;
  for (let hold = 0; hold < 30; hold += 1) {
    before = await lock.acquire();
    await lock.release();
  }
  // A server of somebody else's looks for empty containers once a minute.
  await until(async () => !(await setting.raw.exists(setting.directory(resource))), {
    what: "the directory to be reaped",
    timeoutMs: 130_000,
    everyMs: 50,
  });
  expect(await lock.acquire()).toBeGreaterThan(before);
  await lock.release();
}, 150_000);

test("different resources have queues of their own", async () => {
  const manager = await setting.manager();
  const [one, other] = [manager.createLock(setting.resource()), manager.createLock(setting.resource())];
  await one.acquire();
  expect(await other.tryAcquire()).not.toBeNull();
  await Promise.all([one.release(), other.release()]);
});

test("a lock's own rootDir is where its directory is", async () => {
  const resource = setting.resource();
  const manager = await setting.manager();
  const nested = manager.createLock(resource, { rootDir: `${setting.root}/team/a` });
  const plain = manager.createLock(resource);
  await Promise.all([nested.acquire(), plain.acquire()]);
  expect(await setting.raw.children(`${setting.root}/team/a/${resource}`)).toHaveLength(1);
  expect(await setting.tickets(resource)).toHaveLength(1);
  await Promise.all([nested.release(), plain.release()]);
});
