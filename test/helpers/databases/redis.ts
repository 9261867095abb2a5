import { Redis } from "ioredis";
import { freePort } from "../../../scripts/lib/free-port.mjs";
import { type DatabaseOptions, type DatabaseServer, DatabaseProcess, findProgram } from "./database-process.js";

export interface RedisServerOptions extends DatabaseOptions {
  /** Started as a cluster of one node that has all slots. */
  cluster?: boolean;
}

/** Starts a Redis server of our own, on a free loopback port, that keeps nothing on disk unless it is durable. */
export async function startRedis({
  cluster = false,
  durable = false,
}: RedisServerOptions = {}): Promise<DatabaseServer> {
  const port = await freePort();
  const busPort = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const server = await new DatabaseProcess({
    name: "redis",
    user: "redis",
    command: (directory) => {
      const settings = {
        bind: "127.0.0.1",
        port: String(port),
        dir: directory,
        save: "",
        appendonly: durable ? "yes" : "no",
        appendfsync: "always",
        "cluster-enabled": cluster ? "yes" : "no",
        ...(cluster && { "cluster-port": String(busPort), "cluster-announce-ip": "127.0.0.1" }),
      };
      const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
      return [findProgram("redis-server", "redis-server"), ...flags];
    },
    isReady: () => answers(port, cluster),
  }).start();
  return { url, port, stop: () => server.stop() };
}

async function answers(port: number, cluster: boolean): Promise<boolean> {
  const client = new Redis({ host: "127.0.0.1", port, lazyConnect: true, retryStrategy: null });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.ping();
    if (!cluster) return true;
    const info = String(await client.call("CLUSTER", ["INFO"]));
    if (info.includes("cluster_slots_assigned:0")) await client.call("CLUSTER", ["ADDSLOTSRANGE", "0", "16383"]);
    return info.includes("cluster_state:ok");
  } finally {
    client.disconnect();
  }
}
