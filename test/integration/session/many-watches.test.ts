import { expect, test } from "@jest/globals";
import { once } from "node:events";
import { LockError, type ZkLock } from "../../../src/index.js";
import { RawClient } from "../../helpers/raw-client.js";
import { monitor } from "../../helpers/server-statistics.js";
import { until } from "../../helpers/until.js";
import { canStartServers, startServer } from "../../helpers/zookeeper-server.js";
import { closeClient, useSetting } from "../../helpers/setting.js";
import { ZooKeeper } from "../../helpers/zookeeper-package.js";

const setting = useSetting();

/** A client registers all its watches again in one message; a server hangs up on one that is longer. */
const LONGEST_MESSAGE = 2 ** 20;
/** Long names make that message long with few watches. */
const NAME_LENGTH = 500;
const SESSION_MS = 20_000;

/** What a connect string can have behind it; it is in front of each path in that message. */
const CHROOTS = { "": "", ", below a chroot": `/${"c".repeat(NAME_LENGTH)}` };

(canStartServers() ? test : test.skip).each(Object.entries(CHROOTS))(
  "a session with as many watches as it may have survives a reconnect, and every waiter is woken; more are refused and leave nothing%s",
  async (_, chroot) => {
    const server = await startServer();
    setting.later(() => server.stop());
    const raw = await RawClient.connect(server.connectString, SESSION_MS);
    setting.later(() => raw.close());
    const watches = async () => Number((await monitor(server.connectString)).get("zk_watch_count"));
    const proxy = await setting.proxy(server.connectString);
    await raw.mkdirp(chroot + setting.root);
    const connect = Array.from({ length: 3 }, () => proxy.connectString).join(",") + chroot;
    const client = new ZooKeeper({ connect, timeout: SESSION_MS, debug_level: 0 });
    setting.later(() => closeClient(client));
    client.init({});
    await until(() => client.state === 3, { what: "the client to connect" });
    const manager = setting.adopting(client);

    // More than the message could take.
    const many = Math.ceil((LONGEST_MESSAGE * 1.02) / (NAME_LENGTH + chroot.length));
    const resources = Array.from({ length: many }, (_, number) => `${number}-`.padEnd(NAME_LENGTH, "x"));
    const directory = (resource: string) => chroot + setting.directory(resource);
    // Longer than our own tickets' names, so that it is the watches that are too many, and not the tickets.
    const predecessor = (resource: string) => `${directory(resource)}/${"by-hand".padEnd(80, "x")}-lock-0000000000`;
    await Promise.all(
      resources.flatMap((resource) => [raw.create(directory(resource)), raw.create(predecessor(resource))]),
    );
    const waiters = new Map<string, { lock: ZkLock; granted: Promise<number> }>();
    const refused = new Map<string, unknown>();
    for (const resource of resources) {
      const lock = manager.createLock(resource);
      const granted = lock.acquire();
      waiters.set(resource, { lock, granted });
      granted.catch((error: unknown) => {
        waiters.delete(resource);
        refused.set(resource, error);
      });
    }
    await until(async () => refused.size > 0 && (await watches()) === waiters.size, {
      what: "a watch for each waiter, and none for who was refused",
      timeoutMs: 20_000,
    });
    expect([...refused.values()].every((error) => error instanceof LockError)).toBe(true);
    expect(waiters.size * predecessor(resources[0]!).length).toBeGreaterThan(LONGEST_MESSAGE * 0.75);
    const tickets = async (resource: string) => (await raw.children(directory(resource))).length - 1;
    for (const resource of refused.keys()) {
      await until(async () => (await tickets(resource)) === 0, { what: "the ticket of who was refused to go" });
    }

    const session = manager.session.id;
    let suspensions = 0;
    let isReplaced = false;
    manager.on("suspended", () => (suspensions += 1)).on("replaced", () => (isReplaced = true));
    const back = once(manager, "suspended").then(() => once(manager, "connected"));
    await proxy.cut();
    await back;
    // If a request of ours ran into the dead socket, a client of ours has taken its place, and its watches are set one by one.
    await until(async () => isReplaced || (await proxy.requestCount("setWatches")) > 0, {
      what: "the client to register its watches again",
    });
    await until(async () => (await watches()) === waiters.size, { what: "the watches after the reconnect" });
    expect(manager.session).toMatchObject({ id: session, state: "connected" });
    await Promise.all([...waiters.keys()].map((resource) => raw.delete(predecessor(resource))));
    await Promise.all([...waiters.values()].map(({ granted }) => granted));
    await Promise.all([...waiters.values()].map(({ lock }) => lock.release()));
    // Once, and not time and again because the message was too long.
    expect({ suspensions, session: manager.session.id }).toEqual({ suspensions: 1, session });
  },
  90_000,
);
