import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Cluster, Redis } from "ioredis";
import { createClient, createClientPool, createCluster } from "redis";
import { InvalidArgumentError } from "../../../src/errors.js";
import { FenceSetupError, StaleTokenError, redisFence } from "../../../src/fencing/redis/index.js";
import { startRedis } from "../../helpers/databases/redis.js";
import { fenceContract } from "./contract.js";
import { connectIoredis, connectNodeRedis, openRedis } from "./stores/redis.js";

let server: Awaited<ReturnType<typeof startRedis>>;
let cluster: Awaited<ReturnType<typeof startRedis>>;
let ioredis: Redis;
let nodeRedis: ReturnType<typeof createClient>;
beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startRedis({ cluster: true })]);
  ioredis = new Redis(server.url);
  nodeRedis = createClient({ url: server.url });
  await nodeRedis.connect();
}, 60_000);
afterAll(async () => {
  nodeRedis.destroy();
  ioredis.disconnect();
  await Promise.all([server.stop(), cluster.stop()]);
});

fenceContract(
  "redisFence with ioredis",
  () => openRedis(`${server.url}/1`, connectIoredis, 40),
  () => ({ kind: "ioredis", url: `${server.url}/1` }),
);
fenceContract(
  "redisFence with redis",
  () => openRedis(`${server.url}/2`, connectNodeRedis, 40),
  () => ({ kind: "node-redis", url: `${server.url}/2` }),
);

const clients = { ioredis: () => ioredis, "node-redis": () => nodeRedis };

describe.each(["ioredis", "node-redis"] as const)("redisFence with %s", (kind) => {
  const client = () => clients[kind]();

  test("resolves with the replies, in order", async () => {
    await ioredis.del("r:list", "r:n", "r:none");
    const replies = await redisFence(client()).run(`replies ${kind}`, 1, (tx) => {
      tx.call("SET", "r:n", 41).call("INCRBY", "r:n", 1n);
      tx.call("GET", "r:none");
      tx.call("RPUSH", "r:list", "a", "b");
      tx.call("LRANGE", "r:list", 0, -1);
      tx.call("GET", "r:none");
    });
    expect(replies).toEqual(["OK", 42, null, 2, ["a", "b"], null]);
  });

  test("runs nothing, and raises the fence, when the body queues nothing", async () => {
    const guard = redisFence(client());
    expect(await guard.run(`nothing ${kind}`, 4, () => undefined)).toEqual([]);
    expect(await guard.highest(`nothing ${kind}`)).toBe(4);
  });

  test("sends Buffers and odd strings byte by byte", async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    const odd = "\0\r\n'\"\\🔒";
    await redisFence(client()).run(`bytes ${kind}`, 1, (tx) => {
      tx.call("SET", "r:bytes", bytes).call("SET", "r:view", new Uint8Array(bytes.buffer, bytes.byteOffset + 250, 3));
      tx.call("SET", odd, odd);
    });
    expect(await ioredis.getBuffer("r:bytes")).toEqual(bytes);
    expect(await ioredis.getBuffer("r:view")).toEqual(Buffer.from([250, 251, 252]));
    expect(await ioredis.get(odd)).toBe(odd);
  });

  test("sends the script again when the server has lost it", async () => {
    await ioredis.script("FLUSH");
    const guard = redisFence(client());
    expect(await guard.run(`flushed ${kind}`, 1, (tx) => tx.call("ECHO", "whole"))).toEqual(["whole"]);
    expect(await guard.run(`flushed ${kind}`, 1, (tx) => tx.call("ECHO", "digest"))).toEqual(["digest"]);
  });

  test("writes nothing, and puts the fence back, when the first command fails", async () => {
    const guard = redisFence(client());
    const resource = `first fails ${kind}`;
    await ioredis.set("r:text", "text");
    const failing = (token: number) =>
      guard.run(resource, token, (tx) => tx.call("LPUSH", "r:text", 1).call("SET", "r:after", 1));
    await expect(failing(3)).rejects.toMatchObject({ code: "ERR_FENCE_COMMAND", index: 0, replies: [] });
    expect(await guard.highest(resource)).toBeNull();
    await guard.run(resource, 2, () => undefined);
    await expect(failing(3)).rejects.toThrow(/Redis refused LPUSH, command 0 .*WRONGTYPE.*Nothing was written/);
    expect(await guard.highest(resource)).toBe(2);
    expect(await ioredis.exists("r:after")).toBe(0);
  });

  test("stops at a later command that fails, keeps the fence, and tells what is in force", async () => {
    const guard = redisFence(client());
    const resource = `later fails ${kind}`;
    await ioredis.set("r:text", "text");
    const run = guard.run(resource, 3, (tx) => {
      tx.call("SET", "r:before", kind).call("LPUSH", "r:text", 1).call("SET", "r:after", 1);
    });
    await expect(run).rejects.toMatchObject({ name: "FenceCommandError", index: 1, replies: ["OK"], resource });
    expect(await guard.highest(resource)).toBe(3);
    expect(await ioredis.get("r:before")).toBe(kind);
    expect(await ioredis.exists("r:after")).toBe(0);
  });

  test.each([
    ["does not exist", ["NOSUCHCOMMAND", "x"]],
    ["has the wrong number of words", ["SET", "x"]],
    ["scripts may not run", ["SUBSCRIBE", "x"]],
  ])("takes a command that %s for a failed one", async (_, [command, word]) => {
    const run = redisFence(client()).run(`odd ${kind}`, 1, (tx) => tx.call(command!, word!));
    await expect(run).rejects.toMatchObject({ code: "ERR_FENCE_COMMAND", index: 0 });
  });

  test("runs a command of 7,000 words, and refuses a longer one before anything is sent", async () => {
    const guard = redisFence(client());
    const words = Array.from({ length: 6_998 }, (_, n) => String(n));
    await ioredis.del("r:many");
    expect(await guard.run(`many ${kind}`, 1, (tx) => tx.call("RPUSH", "r:many", ...words))).toEqual([6_998]);
    const run = guard.run(`many ${kind}`, 2, (tx) => tx.call("RPUSH", "r:many", ...words, "one more"));
    await expect(run).rejects.toBeInstanceOf(InvalidArgumentError);
    expect(await guard.highest(`many ${kind}`)).toBe(1);
  });

  test("refuses words that are no text, and commands queued after the run", async () => {
    const guard = redisFence(client());
    for (const word of [Number.NaN, Infinity, undefined, null, {}, ["x"]]) {
      await expect(guard.run("words", 1, (tx) => tx.call("SET", "k", word as string))).rejects.toBeInstanceOf(
        InvalidArgumentError,
      );
    }
    let kept: { call(command: string): unknown } | undefined;
    await guard.run("late", 1, (tx) => void (kept = tx));
    expect(() => kept?.call("PING")).toThrow(/too late/);
  });

  test("refuses a key that holds something else than a fence", async () => {
    const guard = redisFence(client());
    await ioredis.set(guard.key("foreign"), "not a number");
    await expect(guard.run("foreign", 1, (tx) => tx.call("SET", "r:foreign", 1))).rejects.toBeInstanceOf(
      FenceSetupError,
    );
    await expect(guard.highest("foreign")).rejects.toBeInstanceOf(FenceSetupError);
    expect(await ioredis.get(guard.key("foreign"))).toBe("not a number");
  });
});

describe("redisFence in a cluster", () => {
  test.each(["ioredis", "node-redis", "node-redis pool"] as const)(
    "keeps fence and keys in one slot, with %s",
    async (kind) => {
      const [client, close] = await connect(kind);
      try {
        const guard = redisFence(client, { hashTag: (resource) => resource.slice(0, 3) });
        expect(guard.key("abc/7")).toBe("zk-lock-fence:{abc}:abc/7");
        const replies = await guard.run("abc/7", 2, (tx) =>
          tx.call("SET", "{abc}:state", kind).call("GET", "{abc}:state"),
        );
        expect(replies).toEqual(["OK", kind]);
        await expect(guard.run("abc/7", 1, (tx) => tx.call("SET", "{abc}:state", "old"))).rejects.toBeInstanceOf(
          StaleTokenError,
        );
        expect(await guard.highest("abc/7")).toBe(2);
        const slots = await guard.run("abc/7", 2, (tx) => {
          for (const key of [guard.key("abc/7"), "{abc}:state"]) tx.call("CLUSTER", "KEYSLOT", key);
        });
        expect(slots[0]).toBe(slots[1]);
      } finally {
        close();
      }
    },
  );

  async function connect(kind: string): Promise<[Parameters<typeof redisFence>[0], () => void]> {
    if (kind === "ioredis") {
      const client = new Cluster([{ host: "127.0.0.1", port: cluster.port }]);
      return [client, () => client.disconnect()];
    }
    if (kind === "node-redis pool") {
      const client = createClientPool({ url: cluster.url });
      await client.connect();
      return [client, () => client.destroy()];
    }
    const client = createCluster({ rootNodes: [{ url: cluster.url }] });
    await client.connect();
    return [client, () => client.destroy()];
  }

  test("refuses options that could not work", () => {
    expect(() => redisFence({} as never)).toThrow(InvalidArgumentError);
    expect(() => redisFence(ioredis, { prefix: "a{b", hashTag: "t" })).toThrow(InvalidArgumentError);
    for (const tag of ["", "{", "a}"])
      expect(() => redisFence(ioredis, { hashTag: tag }).key("r")).toThrow(InvalidArgumentError);
    expect(redisFence(ioredis, { prefix: "p:", hashTag: "t" }).key("r")).toBe("p:{t}:r");
    expect(redisFence(ioredis).key("{user:1}:profile")).toBe("zk-lock-fence:{user:1}:profile");
  });
});
