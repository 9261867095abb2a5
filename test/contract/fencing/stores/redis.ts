import { Redis } from "ioredis";
import { createClient } from "redis";
import { redisFence, type RedisClient, type RedisTransaction } from "../../../../src/fencing/redis/index.js";
import type { Store } from "./store.js";

/** A client that gives up when its connection is cut, instead of sending everything again: so that a cut is seen. */
interface Connection {
  readonly client: RedisClient;
  readonly id: string;
  close(): void;
}

export async function connectIoredis(url: string): Promise<Connection> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null, enableOfflineQueue: false });
  client.on("error", () => undefined);
  await client.connect();
  return { client, id: String(await client.call("CLIENT", ["ID"])), close: () => client.disconnect() };
}

export async function connectNodeRedis(url: string): Promise<Connection> {
  const client = createClient({ url, disableOfflineQueue: true, socket: { reconnectStrategy: false } });
  client.on("error", () => undefined);
  await client.connect();
  return {
    client,
    id: String(await client.sendCommand<number>(["CLIENT", "ID"])),
    close: () => client.isOpen && client.destroy(),
  };
}

export async function openRedis(
  url: string,
  connect: (url: string) => Promise<Connection>,
  guards = 16,
): Promise<Store<RedisTransaction>> {
  // A connection takes a moment, and `guard` gives its guard at once: so they are made beforehand.
  const connections = await Promise.all(Array.from({ length: guards }, () => connect(url)));
  const open = [...connections];
  const own = new Redis(url);
  return {
    locks: "nothing",
    stopped: "never held",
    hasTable: false,
    guard: () => {
      const connection = open.shift();
      if (connection === undefined) throw new Error("The test uses more guards than were made.");
      return redisFence(connection.client);
    },
    write: (tx, key, value) => {
      tx.call("SET", `note:${key}`, value);
      return Promise.resolve();
    },
    read: (key) => own.get(`note:${key}`),
    bareWrite: async (key, value) => {
      await own.set(`note:${key}`, value);
    },
    // The server cannot be asked which of them runs this body: all of them are cut.
    cut: async () => {
      for (const { id } of connections) await own.call("CLIENT", ["KILL", "ID", id]);
    },
    waiting: () => Promise.resolve(true),
    close: async () => {
      for (const connection of connections) connection.close();
      await own.quit();
    },
  };
}
