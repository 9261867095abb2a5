import { afterAll, afterEach } from "@jest/globals";
import { type ManagerOptions, ZkLockManager } from "../../../src/index.js";
import { queueOf } from "../../../src/zookeeper/nodes/ticket-names.js";
import type { PackageClient } from "../../../src/zookeeper/client/client.js";
import { type InMemoryClient, InMemoryZooKeeper } from "../../../src/testing/index.js";
import { endSessionOf, SERVER, SESSION_MS, useSetting } from "../../helpers/setting.js";
import { ask } from "../../helpers/server-statistics.js";
import type { TcpProxy } from "../../helpers/tcp-proxy.js";
import { until } from "../../helpers/until.js";

/** Where the contract is tried out. */
export interface World {
  manager(options?: ManagerOptions): Promise<ZkLockManager>;
  /** A manager whose session can be made to end. */
  mortal(options?: ManagerOptions): Promise<ZkLockManager>;
  /** A name that no other test has. */
  resource(): string;
  tickets(resource: string): Promise<number>;
  /** Ends the session of such a manager, as ZooKeeper does when nothing is heard of it. */
  expire(manager: ZkLockManager): Promise<void>;
}

/** The `zookeeper` package on a real server. To be called at the head of a `describe`. */
export function realWorld(): World {
  const setting = useSetting();
  const mortals = new WeakMap<ZkLockManager, { proxy: TcpProxy; client: PackageClient }>();
  async function adopting(client: PackageClient, options: ManagerOptions = {}): Promise<ZkLockManager> {
    const manager = setting.adopting(client, options);
    await until(() => manager.session.state === "connected", { what: "the manager to be connected" });
    return manager;
  }
  return {
    manager: async (options) => adopting(await setting.connectedClient(), options),
    async mortal(options) {
      const proxy = await setting.proxy();
      const client = await setting.connectedClient(proxy.connectString);
      const manager = await adopting(client, options);
      mortals.set(manager, { proxy, client });
      return manager;
    },
    resource: () => setting.resource(),
    tickets: async (resource) => (await setting.tickets(resource)).length,
    async expire(manager) {
      const { proxy, client } = mortals.get(manager)!;
      await proxy.close();
      await proxy.cut();
      await endSessionOf(client);
      await proxy.reopen();
    },
  };
}

/** Our own client on a real server. To be called at the head of a `describe`. */
export function wireWorld(): World {
  const setting = useSetting();
  const proxies = new WeakMap<ZkLockManager, TcpProxy>();
  return {
    manager: (options) => setting.manager({ client: "wire", ...options }),
    async mortal(options) {
      const { proxy, manager } = await setting.proxied({ client: "wire", ...options });
      proxies.set(manager, proxy);
      return manager;
    },
    resource: () => setting.resource(),
    tickets: async (resource) => (await setting.tickets(resource)).length,
    async expire(manager) {
      const proxy = proxies.get(manager)!;
      const session = `0x${manager.session.id}`;
      // Told as expired when it comes back, at once. Nobody but the manager has the password: the servers follow in their own time.
      const { sprung } = await proxy.expireNext();
      await proxy.cut();
      await sprung;
      await until(async () => !(await ask(SERVER, "dump")).includes(session), { what: "the session to end" });
    },
  };
}

/** The in-memory ZooKeeper of `zk-lock-manager/testing`. To be called at the head of a `describe`. */
export function memoryWorld(): World {
  const rootDir = "/memory";
  const zooKeeper = new InMemoryZooKeeper();
  const clients = new WeakMap<ZkLockManager, InMemoryClient>();
  const managers: ZkLockManager[] = [];
  const errors: Error[] = [];
  let resources = 0;
  afterEach(async () => {
    for (const manager of managers.splice(0)) await manager.close();
    const left = zooKeeper.tickets(rootDir);
    for (const session of zooKeeper.sessions()) zooKeeper.expire(session.id);
    if (left.length > 0) throw new Error(`The test leaves tickets behind: ${left.map(({ path }) => path).join(", ")}`);
    const raised = errors.splice(0);
    if (raised.length > 0) throw new AggregateError(raised, `A manager raised: ${raised.join("; ")}`);
    const [hazard] = zooKeeper.hazards.splice(0);
    if (hazard !== undefined) throw new Error(`This would have killed a real process: ${hazard.kind}`);
  });
  afterAll(() => zooKeeper.stop());
  async function makeManager(options?: ManagerOptions): Promise<ZkLockManager> {
    const client = zooKeeper.client({ timeout: SESSION_MS });
    const manager = new ZkLockManager({ rootDir, ...options }).init(client);
    managers.push(manager);
    manager.on("error", (error) => errors.push(error));
    clients.set(manager, client);
    await until(() => manager.session.state === "connected", { what: "the manager to be connected" });
    return manager;
  }
  return {
    manager: makeManager,
    mortal: makeManager,
    resource: () => `resource-${(resources += 1)}`,
    tickets: (resource) =>
      Promise.resolve(
        queueOf(zooKeeper.tickets(`${rootDir}/${resource}`).map(({ path }) => path.slice(path.lastIndexOf("/") + 1)))
          .length,
      ),
    expire: async (manager) => {
      zooKeeper.expire(clients.get(manager)!);
      await Promise.resolve();
    },
  };
}
