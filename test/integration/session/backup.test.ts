import { expect, test } from "@jest/globals";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { FencingToken } from "../../../src/index.js";
import { memoryFence, type StaleTokenError } from "../../../src/fencing/memory.js";
import { RawClient } from "../../helpers/raw-client.js";
import { until } from "../../helpers/until.js";
import { canStartServers, startServer, type ZooKeeperServer } from "../../helpers/zookeeper-server.js";
import { freePort } from "../../../scripts/lib/free-port.mjs";
import { rejection, timeoutOf, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

/** What each leader election adds to the zxid, and so to the tokens of directories that are made after it. */
const EPOCH = 2 ** 32;
const epochOf = (token: FencingToken) => Math.floor(token / EPOCH);

/** An ensemble of one: each start of it is an election. Directories that are empty stay for the length of the test. */
async function ensembleOfOne(): Promise<ZooKeeperServer> {
  const server = await startServer({
    id: 1,
    config: {
      standaloneEnabled: false,
      initLimit: 20,
      syncLimit: 4,
      "server.1": `127.0.0.1:${await freePort()}:${await freePort()}`,
    },
    properties: { "znode.container.checkIntervalMs": 600_000 },
  });
  setting.later(() => server.stop());
  return server;
}

/** A hold's token, by a manager of its own. */
async function tokenOf(server: ZooKeeperServer, resource: string): Promise<FencingToken> {
  const manager = await setting.manager({}, server.connectString);
  const lock = manager.createLock(resource);
  const token = await lock.acquire({ timeout: 20_000 });
  await lock.release();
  await manager.close();
  return token;
}

async function removeDirectory(server: ZooKeeperServer, resource: string): Promise<void> {
  const raw = await RawClient.connect(server.connectString);
  await raw.deleteall(setting.directory(resource));
  await raw.close();
}

(canStartServers() ? test : test.skip)(
  "an ensemble restored from an older backup: the guard refuses, until the zxid is past the fence and the directory is made anew",
  async () => {
    const resource = setting.resource();
    const server = await ensembleOfOne();
    const [data, backup] = [join(server.directory, "data"), join(server.directory, "backup")];
    const fence = memoryFence();
    const write = async (token: FencingToken) => fence.run(resource, token, (tx) => tx.set("written with", token));
    const refusal = async (token: FencingToken) => rejection<StaleTokenError>(write(token));

    const early = await tokenOf(server, resource);
    await write(early);
    await server.kill();
    cpSync(data, backup, { recursive: true });
    // Life goes on: elections, and a directory that is made anew.
    for (let election = 0; election < 2; election += 1) {
      await server.start();
      await server.kill();
    }
    await server.start();
    await removeDirectory(server, resource);
    const highest = await tokenOf(server, resource);
    await write(highest);
    expect(epochOf(highest) - epochOf(early)).toBe(3);
    const manager = await setting.manager({}, server.connectString);
    const adopting = setting.adopting(await setting.connectedClient(server.connectString));
    const locks = [manager, adopting].map((witness, index) => witness.createLock(`witnessed-${index}`));
    const losses = locks.map((lock) => new Promise<void>((resolve) => lock.once("lost", () => resolve())));
    for (const lock of locks) await lock.acquire();

    const session = manager.session.id;
    await server.kill();
    rmSync(data, { recursive: true });
    cpSync(backup, data, { recursive: true });
    await server.start();
    await Promise.all(losses);
    for (const lock of locks) await rejection(lock.release());
    // Who has a session of its own goes on in a new one. A client that was handed in is turned away, for it has seen the future
    // (unless it met a dead socket when the server went, and was replaced: that one has seen nothing, and is told the end).
    await until(() => manager.session.state === "connected" && manager.session.id !== session, {
      what: "the next session",
    });
    await locks[0]!.acquire();
    await locks[0]!.release();
    expect(["ERR_ACQUIRE_TIMEOUT", "ERR_SESSION_LOST"]).toContain((await timeoutOf(locks[1]!, 2_500)).code);
    const restored = await tokenOf(server, resource);
    expect(restored).toBeLessThan(highest);
    const error = await refusal(restored);
    expect(error).toMatchObject({ code: "ERR_STALE_TOKEN", token: restored, highest });
    expect(error.message).toContain(String(restored));
    expect(error.message).toContain(String(highest));

    // A directory made anew in an epoch that the fence has seen is not enough …
    await removeDirectory(server, resource);
    expect(await refusal(await tokenOf(server, resource))).toMatchObject({ highest });
    // … and neither is a new epoch, for a directory that is older.
    let epoch = epochOf(restored) + 1;
    for (; epoch <= epochOf(highest); epoch += 1) await server.restart();
    expect(await refusal(await tokenOf(server, resource))).toMatchObject({ highest });
    await removeDirectory(server, resource);
    const renewed = await tokenOf(server, resource);
    expect(epochOf(renewed)).toBe(epoch);
    await write(renewed);
    expect(await fence.highest(resource)).toBe(renewed);
    // The zxid has passed what the client had seen, too: now it is told that its session is over.
    expect(await rejection(locks[1]!.acquire({ timeout: 20_000 }))).toMatchObject({ code: "ERR_SESSION_LOST" });
  },
  120_000,
);
