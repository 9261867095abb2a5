import { afterAll, afterEach } from "@jest/globals";
import { systemClock } from "../../../src/common/clock.js";
import { ZooKeeperQueue } from "../../../src/zookeeper/nodes/zookeeper-queue.js";
import { adoptedSource, ownedSource } from "../../../src/zookeeper/session/client-source.js";
import { Connector } from "../../../src/zookeeper/session/connector.js";
import { InMemoryZooKeeper } from "../../../src/testing/index.js";
import { endSessionOf, SESSION_MS, useSetting } from "../../helpers/setting.js";
import type { PortWorld } from "./port-world.js";

const CONNECT_MS = 10_000;

/** What `life` means here: the numbers 0 up to the limit are given out before the end. */
const limitOf = (life: number | undefined): number | undefined => (life === undefined ? undefined : life - 1);

async function portOf(connection: Connector, life: number | undefined): Promise<ZooKeeperQueue> {
  const attachment = await connection.attached(AbortSignal.timeout(CONNECT_MS));
  return new ZooKeeperQueue(attachment, false, connection.longReplies(attachment), limitOf(life));
}

/** A real server, each session behind a network of its own. To be called at the head of a `describe`. */
export function realWorld(): PortWorld {
  const setting = useSetting();
  return {
    root: setting.root,
    wearsOut: true,
    async party({ life } = {}) {
      const proxy = await setting.proxy();
      const connection = new Connector({ probePath: setting.root, auth: undefined });
      setting.later(() => connection.close());
      const source = ownedSource(proxy.connectString, SESSION_MS, () => undefined);
      await connection.open(source, CONNECT_MS, proxy.connectString);
      const port = await portOf(connection, life);
      const attachment = await connection.attached(AbortSignal.timeout(CONNECT_MS));
      const { client } = attachment.link;
      return {
        port,
        async loseEntry() {
          await proxy.swallowReply("create");
        },
        async expire() {
          await proxy.close();
          await endSessionOf(client);
          await proxy.reopen();
        },
      };
    },
  };
}

/** The in-memory ZooKeeper of `zk-lock-manager/testing`. To be called at the head of a `describe`. */
export function memoryWorld(): PortWorld {
  const root = "/memory";
  const zooKeeper = new InMemoryZooKeeper();
  const connections: Connector[] = [];
  afterEach(async () => {
    for (const connection of connections.splice(0)) await connection.close();
    for (const { id } of zooKeeper.sessions()) zooKeeper.expire(id);
  });
  afterAll(() => zooKeeper.stop());
  return {
    root,
    wearsOut: true,
    async party({ life } = {}) {
      const client = zooKeeper.client({ timeout: SESSION_MS });
      const connection = new Connector({ probePath: root, auth: undefined });
      connections.push(connection);
      connection.adopt(() => adoptedSource(client), systemClock);
      const port = await portOf(connection, life);
      return {
        port,
        async loseEntry() {
          zooKeeper.dropReply(client, "create");
          await Promise.resolve();
        },
        async expire() {
          zooKeeper.expire(port.session.id);
          await Promise.resolve();
        },
      };
    },
  };
}
