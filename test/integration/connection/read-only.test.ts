import { expect, test } from "@jest/globals";
import { ZkLockManager } from "../../../src/index.js";
import { type Ensemble, startEnsemble } from "../../helpers/ensemble.js";
import { until } from "../../helpers/until.js";
import { canStartServers, type ZooKeeperServer } from "../../helpers/zookeeper-server.js";
import { journal, rejection, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

const SESSION_MS = 6_000;
const CONNECT_MS = 1_500;

/** Ends the quorum: what is left of the ensemble serves readers only. */
async function leaveOne(ensemble: Ensemble): Promise<ZooKeeperServer> {
  const [left, ...others] = ensemble.servers as [ZooKeeperServer, ...ZooKeeperServer[]];
  await Promise.all(others.map((server) => server.kill()));
  return left;
}

(canStartServers() ? test : test.skip)(
  "a server that is read-only serves no locks: holders lose theirs, newcomers get ConnectError, and all goes on with the quorum",
  async () => {
    const ensemble = await startEnsemble({ properties: { "readonlymode.enabled": true } });
    setting.later(() => ensemble.stop());
    const resource = setting.resource();
    const manager = await setting.manager({ sessionTimeout: SESSION_MS }, ensemble.connectString);
    const lock = manager.createLock(resource);
    const heard = journal(lock);
    const token = await lock.acquire();

    const left = await leaveOne(ensemble);
    const quorumLostAt = performance.now();
    await until(() => heard.some((event) => event.startsWith("lost")), { what: "the loss", everyMs: 1 });
    expect(performance.now() - quorumLostAt).toBeLessThan((SESSION_MS * 2) / 3 + 500);
    expect(heard).toEqual(["acquired", "suspended", "lost: lease-over"]);
    await rejection(lock.release());
    await until(async () => (await left.ask("isro")) === "ro", { what: "the server to be read-only" });

    const started = performance.now();
    const newcomer = rejection(ZkLockManager.connect(ensemble.connectString, { connectTimeout: CONNECT_MS }));
    expect(await newcomer).toMatchObject({ name: "ConnectError", code: "ERR_CONNECT" });
    expect(performance.now() - started).toBeLessThan(CONNECT_MS + 1_000);
    // Nobody who was here before is served by it either.
    expect(await rejection(lock.acquire({ timeout: 500 }))).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT" });
    expect(manager.session.state).toBe("lost");

    for (const server of ensemble.servers) if (server.pid === undefined) server.launch();
    await Promise.all(ensemble.servers.map((server) => server.serving()));
    expect(await lock.acquire({ timeout: 20_000 })).toBeGreaterThan(token);
    expect(await lock.release()).toBe(true);
    const late = await setting.manager({}, ensemble.connectString);
    expect(await late.createLock(resource).tryAcquire()).toBeGreaterThan(token);
  },
  90_000,
);
