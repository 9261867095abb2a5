import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { once } from "node:events";
import { ZkLockManager } from "../../../src/index.js";
import { queueOf } from "../../../src/zookeeper/nodes/ticket-names.js";
import { type Ensemble, startEnsemble } from "../../helpers/ensemble.js";
import { RawClient } from "../../helpers/raw-client.js";
import type { TcpProxy } from "../../helpers/tcp-proxy.js";
import { until } from "../../helpers/until.js";
import { canStartServers } from "../../helpers/zookeeper-server.js";
import { closeClient, rejection, SERVER, useSetting } from "../../helpers/setting.js";
import { ZooKeeper } from "../../helpers/zookeeper-package.js";

/** Much longer than anything here takes: the session must live through it on a slow machine too. */
const SESSION_MS = 20_000;
/** Each frame is so long on its way where a moment within the take-over is to be met. */
const SLOW_MS = 50;

let ensemble: Ensemble | undefined;
beforeAll(async () => {
  if (canStartServers()) ensemble = await startEnsemble();
}, 60_000);
afterAll(() => ensemble?.stop());

const setting = useSetting();

type Kind = "own" | "adopted";

/** Where the held-up connection leads, and the one that takes over. */
const ROUTES = {
  "the same server": () => Promise.resolve([SERVER, SERVER]),
  "from a follower to the leader": async () => [await follower(0), (await ensemble!.leader()).connectString],
  "from the leader to a follower": async () => [(await ensemble!.leader()).connectString, await follower(0)],
  "from a follower to the other one": async () => [await follower(0), await follower(1)],
} satisfies Record<string, () => Promise<string[]>>;

async function follower(index: number): Promise<string> {
  const leader = await ensemble!.leader();
  return ensemble!.servers.filter((server) => server !== leader)[index]!.connectString;
}

/** A manager that begins on the one network, and goes to the other when the first one fails. */
async function crossing(kind: Kind, old: TcpProxy, fresh: TcpProxy): Promise<ZkLockManager> {
  if (kind === "own") {
    let next = old;
    const locator = () => Promise.resolve(next.connectString);
    const manager = await ZkLockManager.connect(locator, { rootDir: setting.root, sessionTimeout: SESSION_MS });
    next = fresh;
    return setting.keep(manager);
  }
  const client = new ZooKeeper({
    connect: [old, fresh, fresh].map(({ connectString }) => connectString).join(","),
    timeout: SESSION_MS,
    host_order_deterministic: true,
    debug_level: 0,
  });
  client.init({});
  setting.later(() => closeClient(client));
  await until(() => client.state === 3, { what: "the client to connect" });
  return setting.adopting(client);
}

type Meeting = { old: TcpProxy; fresh: TcpProxy; back: Promise<unknown>; tickets: () => Promise<string[]> };

/** When the create arrives. Each resolves when the server is done with it, and the manager is on its way or back. */
const MOMENTS = {
  "before the take-over": async ({ old, fresh, tickets }: Meeting) => {
    await fresh.pause("toServer");
    await old.hangUp();
    await old.resume();
    // The session is still the old connection's: the server does it.
    await until(async () => (await tickets()).length === 1, { what: "the late ticket" });
    await fresh.resume();
  },
  "while we look": async ({ old, fresh }: Meeting) => {
    await fresh.delay(SLOW_MS);
    await old.hangUp();
    await until(async () => (await fresh.requestCount("getChildren2")) > 0, { what: "the listing to be on its way" });
    await old.resume();
    await until(async () => (await old.connections()) === 0, { what: "the server to be done with the old connection" });
    await fresh.resume();
  },
  "after the take-over": async ({ old, back }: Meeting) => {
    await old.hangUp();
    await back;
    await old.resume();
    await until(async () => (await old.connections()) === 0, { what: "the server to be done with the old connection" });
  },
} satisfies Record<string, (meeting: Meeting) => Promise<void>>;

interface Held extends Meeting {
  manager: ZkLockManager;
  resource: string;
}

/** A manager whose next create will be held up by its network. */
async function held(route: keyof typeof ROUTES, kind: Kind): Promise<Held> {
  const [from, to] = await ROUTES[route]();
  const [old, fresh] = [await setting.proxy(from), await setting.proxy(to)];
  const raw = await RawClient.connect(from);
  setting.later(() => raw.close());
  const resource = setting.resource();
  const directory = setting.directory(resource);
  // What is in it keeps the directory from being reaped.
  await raw.mkdirp(`${directory}/README`);
  setting.later(() => raw.deleteall(directory));
  const manager = await crossing(kind, old, fresh);
  const warm = manager.createLock(resource);
  await warm.acquire();
  await warm.release();
  const tickets = async () => {
    // Behind a write of its own, a follower shows all that was agreed on before.
    await raw.set(`${directory}/README`, "");
    return queueOf(await raw.children(directory)).map(({ name }) => name);
  };
  const back = once(manager, "suspended").then(() => once(manager, "connected"));
  await Promise.all([old.forgetRequests(), old.close(), old.pause("toServer")]);
  return { old, fresh, back, tickets, manager, resource };
}

const cases = (Object.keys(ROUTES) as (keyof typeof ROUTES)[]).flatMap((route) =>
  (["own", "adopted"] as const).map((kind) => ({ route, kind })),
);

for (const { route, kind } of cases) {
  const runs = route === "the same server" || canStartServers();
  (runs ? describe : describe.skip)(`${route}, ${kind} client: a create that arrives late`, () => {
    test.each(Object.keys(MOMENTS) as (keyof typeof MOMENTS)[])("%s gives one ticket and one hold", async (moment) => {
      const { manager, resource, ...meeting } = await held(route, kind);
      const session = manager.session.id;
      const lock = manager.createLock(resource);
      const granted = lock.acquire();
      await until(async () => (await meeting.old.requestCount("create")) === 1, { what: "the create to be held up" });
      await MOMENTS[moment](meeting);
      const token = await granted;
      expect(await meeting.tickets()).toHaveLength(1);
      expect({ session: manager.session.id, token: lock.token }).toEqual({ session, token });
      expect(await lock.renew()).toBe(token);
      await lock.release();
      expect(await meeting.tickets()).toEqual([]);
    });

    test.each(Object.keys(MOMENTS) as (keyof typeof MOMENTS)[])(
      "%s leaves no ticket of a caller who has given up",
      async (moment) => {
        const { manager, resource, ...meeting } = await held(route, kind);
        const session = manager.session.id;
        const abort = new AbortController();
        const outcome = rejection(manager.createLock(resource).acquire({ signal: abort.signal }));
        await until(async () => (await meeting.old.requestCount("create")) === 1, { what: "the create to be held up" });
        abort.abort("enough");
        expect(await outcome).toBe("enough");
        await MOMENTS[moment](meeting);
        await until(async () => (await meeting.tickets()).length === 0, { what: "the ticket to be withdrawn" });
        // The session lives, and serves the next one.
        const lock = manager.createLock(resource);
        await lock.acquire();
        expect({ session: manager.session.id, tickets: await meeting.tickets() }).toEqual({
          session,
          tickets: [expect.any(String)],
        });
        await lock.release();
        expect(await meeting.tickets()).toEqual([]);
      },
    );
  });
}
