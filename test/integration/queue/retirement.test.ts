import { expect, test } from "@jest/globals";
import { EPHEMERAL, SEQUENCE } from "../../helpers/raw-client.js";
import { until } from "../../helpers/until.js";
import { sequenceOf, rejection, timeoutOf, useSetting } from "../../helpers/setting.js";

const setting = useSetting();
const sequenceLimit = 5;

test("past the limit the directory is retired, and tokens go on rising in its successor", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager({ sequenceLimit })).createLock(resource);
  const births = new Set<number>();
  const tokens: number[] = [];
  for (let hold = 0; hold < 40; hold += 1) {
    tokens.push(await lock.acquire());
    const [ticket] = await setting.tickets(resource);
    expect(sequenceOf(ticket!)).toBeLessThanOrEqual(sequenceLimit);
    births.add((await setting.raw.stat(setting.directory(resource)))!.czxid);
    await lock.release();
  }
  expect(tokens.findIndex((token, index) => index > 0 && token <= tokens[index - 1]!)).toBe(-1);
  expect(births.size).toBeGreaterThanOrEqual(6);
});

test("two managers at once retire the directory together: one holder at a time, tokens rise, nobody is left behind", async () => {
  const resource = setting.resource();
  const managers = await Promise.all([1, 2].map(() => setting.manager({ sequenceLimit })));
  let inside = 0;
  const tokens: number[] = [];
  await Promise.all(
    managers.map(async (manager) => {
      const lock = manager.createLock(resource);
      for (let hold = 0; hold < 30; hold += 1) {
        const token = await lock.acquire();
        inside += 1;
        expect(inside).toBe(1);
        tokens.push(token);
        inside -= 1;
        await lock.release();
      }
    }),
  );
  expect(tokens).toHaveLength(60);
  expect(tokens.findIndex((token, index) => index > 0 && token <= tokens[index - 1]!)).toBe(-1);
  await setting.queueOf(resource, 0);
});

test("who draws a number past the limit waits until those below it have had their turn, and may give up", async () => {
  const resource = setting.resource();
  const path = setting.directory(resource);
  await setting.raw.mkdirp(path);
  const before = await setting.raw.create(`${path}/x-lock-`, "", EPHEMERAL | SEQUENCE);
  for (let number = 1; number <= sequenceLimit; number += 1) {
    await setting.raw.delete(await setting.raw.create(`${path}/x-lock-`, "", EPHEMERAL | SEQUENCE));
  }
  const birth = (await setting.raw.stat(path))!.czxid;
  const lock = (await setting.manager({ sequenceLimit })).createLock(resource);
  expect(await timeoutOf(lock, 100)).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT" });
  const abort = new AbortController();
  const aborted = rejection(lock.acquire({ signal: abort.signal }));
  await until(async () => (await setting.watches(resource)).size === 1, { what: "the drawer to watch" });
  abort.abort("enough");
  expect(await aborted).toBe("enough");
  expect(await setting.queueOf(resource, 1)).toEqual([before.split("/").at(-1)]);

  const granted = lock.acquire();
  await until(async () => (await setting.watches(resource)).size === 1, { what: "the drawer to watch" });
  expect(lock.isHeld).toBe(false);
  await setting.raw.delete(before);
  const token = await granted;
  expect(token).toBeGreaterThan(birth + sequenceLimit);
  expect((await setting.raw.stat(path))!.czxid).toBeGreaterThan(birth);
  await lock.release();
});
