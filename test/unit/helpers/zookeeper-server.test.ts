import { afterEach, beforeAll, afterAll, expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { commandLine } from "../../../scripts/lib/process-table.mjs";
import { noLeaks } from "../../helpers/leaks.js";
import { CONTAINER, EPHEMERAL, RawClient } from "../../helpers/raw-client.js";
import { ask, mode, monitor, watchedPaths } from "../../helpers/server-statistics.js";
import { until } from "../../helpers/until.js";
import { startServer, type ZooKeeperServer } from "../../helpers/zookeeper-server.js";

let server: ZooKeeperServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server.stop();
});
afterEach(noLeaks());

async function withClient<T>(body: (raw: RawClient) => Promise<T>): Promise<T> {
  const raw = await RawClient.connect(server.connectString);
  try {
    return await body(raw);
  } finally {
    await raw.close();
  }
}

test("the run's own server answers at ZK_TEST_CONNECT", async () => {
  const raw = await RawClient.connect();
  expect(await raw.exists("/zookeeper")).toBe(true);
  await raw.close();
});

test("a server answers its four-letter words", async () => {
  expect(await server.ask("ruok")).toBe("imok");
  expect(await mode(server.connectString)).toBe("standalone");
  expect(Number((await monitor(server.connectString)).get("zk_znode_count"))).toBeGreaterThan(0);
});

test("watched paths are counted by session", async () => {
  await withClient(async (raw) => {
    await raw.create("/watched");
    await new Promise((done) => raw.client.a_get("/watched", true, done));
    expect(await watchedPaths(server.connectString)).toEqual(new Map([["/watched", 1]]));
    await raw.deleteall("/watched");
  });
});

test("nodes survive a restart after kill -9, on the same port", async () => {
  await withClient((raw) => raw.create("/kept", "data"));
  const pid = server.pid!;
  await server.restart("SIGKILL");
  expect(server.pid).not.toBe(pid);
  await withClient(async (raw) => {
    expect((await raw.get("/kept")).data.toString()).toBe("data");
    await raw.delete("/kept");
  });
});

test("a paused server keeps silent, and answers when it goes on", async () => {
  await server.pause();
  await expect(server.ask("ruok", { timeoutMs: 200 })).rejects.toThrow("did not answer");
  server.resume();
  expect(await server.ask("ruok")).toBe("imok");
});

test("an empty container is reaped within seconds", async () => {
  await withClient(async (raw) => {
    await raw.create("/container", "", CONTAINER);
    await raw.create("/container/child", "", EPHEMERAL);
    await raw.delete("/container/child");
    await until(async () => !(await raw.exists("/container")), {
      what: "the container to be reaped",
      timeoutMs: 5_000,
    });
  });
});

test("a session of one second is granted", async () => {
  const raw = await RawClient.connect(server.connectString, 1_000);
  expect(raw.client.timeout).toBe(1_000);
  await raw.close();
});

test("a stopped server leaves no process and no directory", async () => {
  const other = await startServer();
  const pid = other.pid!;
  await other.stop();
  expect(commandLine(pid)).toBe("");
  expect(existsSync(other.directory)).toBe(false);
  await expect(ask(other.connectString, "ruok")).rejects.toThrow("ECONNREFUSED");
});

test("a start that fails says why, with the end of the log", async () => {
  await expect(startServer({ config: { tickTime: "nonsense" } })).rejects.toThrow(/ended.*\n.*[\s\S]*nonsense/);
});

test("a server dies with the process that started it, killed or not", async () => {
  const script = `
    import { startZooKeeper } from ${JSON.stringify(new URL("../../../scripts/lib/zookeeper-server.mjs", import.meta.url).href)};
    const { pid, directory } = await startZooKeeper();
    console.log(JSON.stringify({ pid, directory }));
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await new Promise<[Buffer]>((resolve) =>
    owner.stdout.once("data", (bytes: Buffer) => resolve([bytes])),
  );
  const { pid, directory } = JSON.parse(line.toString()) as { pid: number; directory: string };
  expect(commandLine(pid)).toContain(directory);
  owner.kill("SIGKILL");
  await until(() => commandLine(pid) === "", { what: "the server to die" });
  await until(() => !existsSync(directory), { what: "the directory to go" });
});
