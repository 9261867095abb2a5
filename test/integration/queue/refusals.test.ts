import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { EPHEMERAL, RawClient } from "../../helpers/raw-client.js";
import { canStartServers, startServer, type ZooKeeperServer } from "../../helpers/zookeeper-server.js";
import { rejection, timeoutOf, useSetting } from "../../helpers/setting.js";

let server: ZooKeeperServer | undefined;
beforeAll(async () => {
  if (canStartServers()) server = await startServer({ properties: { "zookeeper.enforceQuota": true } });
}, 60_000);
afterAll(() => server?.stop());
const setting = useSetting();

(canStartServers() ? describe : describe.skip)("a quota that is used up", () => {
  test("is told by the code's name, and what to do; nothing is left behind", async () => {
    const raw = await RawClient.connect(server!.connectString);
    try {
      await raw.mkdirp("/locks/r");
      await raw.mkdirp("/zookeeper/quota/locks");
      await raw.create(
        "/zookeeper/quota/locks/zookeeper_limits",
        "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2",
      );
      await raw.create("/zookeeper/quota/locks/zookeeper_stats", "count=2,bytes=0");
      const manager = await setting.manager({ rootDir: "/locks" }, server!.connectString);
      const error = await rejection(manager.createLock("r").acquire());
      expect(error).toMatchObject({ name: "LockError", code: "ERR_LOCK" });
      expect(error.message).toContain("QUOTAEXCEEDED (-125). ");
      expect(error.message).toContain("listquota");
      expect(await raw.children("/locks/r")).toEqual([]);
    } finally {
      await raw.close();
    }
  });
});

test("the error of a caller says who called, and its cause is no second copy of it", async () => {
  const rootDir = `${setting.root}/ephemeral`;
  await setting.raw.mkdirp(setting.root);
  await setting.raw.create(rootDir, "", EPHEMERAL);
  const manager = await setting.manager({ rootDir });
  const thisCaller = async () => {
    await manager.createLock("r").acquire();
  };
  const error = await rejection(thisCaller());
  await setting.raw.delete(rootDir);
  expect(error.stack).toContain("thisCaller");
  expect(error.cause).toBeUndefined();
});

test("a timeout of part of a millisecond, and what is left of a deadline for several, are told in whole ones", async () => {
  const [first, second] = [setting.resource(), setting.resource()];
  const [holder, manager] = [await setting.manager(), await setting.manager()];
  const held = holder.createLock(second);
  await held.acquire();
  expect((await timeoutOf(manager.createLock(second), 150.123_456)).message).toContain("after 150 ms");
  const { message } = await rejection(manager.createMultiLock([first, second]).acquire({ timeout: 200.7 }));
  expect(message).toMatch(/(after|within) 201 ms/);
  await held.release();
});
