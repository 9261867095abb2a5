import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { networkInterfaces } from "node:os";
import { type Locator, ZkLockManager } from "../../../src/index.js";
import { probeServers } from "../../../src/zookeeper/session/prober.js";
import { ask } from "../../helpers/server-statistics.js";
import { canStartServers, startServer, type ZooKeeperServer } from "../../helpers/zookeeper-server.js";
import { useSetting } from "../../helpers/setting.js";

const addresses = Object.entries(networkInterfaces()).flatMap(([zone, all]) =>
  (all ?? []).map(({ address, family }) => ({ zone, address, family })),
);
const hasLoopback = addresses.some(({ address }) => address === "::1");
const linkLocal = addresses.find(({ address, family }) => family === "IPv6" && address.startsWith("fe80:"));

let server: ZooKeeperServer | undefined;
beforeAll(async () => {
  // On all addresses, of both kinds.
  if (hasLoopback && canStartServers()) server = await startServer({ config: { clientPortAddress: "::" } });
}, 60_000);
afterAll(() => server?.stop());
const setting = useSetting();

(hasLoopback && canStartServers() ? describe : describe.skip)("over IPv6", () => {
  async function lockThrough(servers: string | Locator): Promise<void> {
    const manager = setting.keep(
      await ZkLockManager.connect(servers, { rootDir: setting.root, sessionTimeout: 4_000 }),
    );
    const lock = manager.createLock(setting.resource());
    expect(await lock.acquire({ timeout: 5_000 })).toEqual(expect.any(Number));
    await lock.release();
  }

  test("an address in brackets", () => lockThrough(`[::1]:${server!.port}`));

  test.each(["::1", "[::1]"])("a locator's %s", (host) =>
    lockThrough(() => Promise.resolve({ host, port: server!.port })),
  );

  test("beside an address of IPv4 that nobody listens on", () => lockThrough(`127.0.0.1:1,[::1]:${server!.port}`));

  test("a look at what is wrong makes no session", async () => {
    const sessions = async () => (await ask(server!.connectString, "dump")).match(/^0x[0-9a-f]+$/gm) ?? [];
    const before = await sessions();
    const [finding] = await probeServers([{ host: "::1", port: server!.port }]);
    expect(finding).toMatchObject({ isStranger: false });
    expect(finding?.what).toContain(`[::1]:${server!.port} answers as a ZooKeeper does`);
    expect(await sessions()).toEqual(before);
  });

  (linkLocal === undefined ? test.skip : test)("an address of one link, with its zone", () =>
    lockThrough(`[${linkLocal!.address}%${linkLocal!.zone}]:${server!.port}`),
  );
});
