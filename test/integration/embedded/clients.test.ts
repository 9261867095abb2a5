import { execFile } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { promisify } from "node:util";
import { findJava } from "../../../scripts/lib/java.mjs";
import { findZooKeeperJars } from "../../../scripts/lib/zookeeper-jars.mjs";
import { ZkLockManager } from "../../../src/index.js";
import { type EmbeddedServer, InMemoryZooKeeper } from "../../../src/testing/index.js";
import { RawClient } from "../../helpers/raw-client.js";
import { until } from "../../helpers/until.js";
import { hasCurator, hasKazoo, type LockKind, type Peer, startCurator, startKazoo } from "../../interop/peer.js";

const PYTHON = "/usr/bin/python3";
const JAVA_MS = 60_000;
const run = promisify(execFile);
const zookeeper = new InMemoryZooKeeper();
let server: EmbeddedServer;
let manager: ZkLockManager;

beforeAll(async () => {
  server = await zookeeper.listen();
  manager = await ZkLockManager.connect(server.connectString, { rootDir: "/locks", sessionTimeout: 10_000 });
});

afterAll(async () => {
  await manager.close();
  await server.close();
  zookeeper.stop();
});

/** They hold, we wait; we hold, they wait. */
async function takeTurns(peer: Peer, kind: LockKind, resource: string): Promise<void> {
  const path = `/locks/${resource}`;
  const locks = manager.createReadWriteLock(resource, { reentrancy: "none" });
  const ours = kind === "mutex" ? manager.createLock(resource, { reentrancy: "none" }) : locks.write;
  const tickets = (count: number): Promise<unknown> =>
    until(() => zookeeper.tickets(path).length === count, { what: `${count} tickets in ${path}` });
  const theirs = peer.acquire(kind, path);
  await theirs.granted;
  let weHold = false;
  const granted = ours.acquire({ timeout: 10_000 }).then(() => (weHold = true));
  await tickets(2);
  expect(weHold).toBe(false);
  const next = peer.acquire(kind, path);
  await tickets(3);
  await theirs.release();
  await granted;
  expect(next.isHeld).toBe(false);
  await ours.release();
  await next.granted;
  await next.release();
  await tickets(0);
}

(hasKazoo() ? describe : describe.skip)("kazoo", () => {
  let peer: Peer;
  beforeAll(async () => {
    peer = await startKazoo(server.connectString);
  }, JAVA_MS);
  afterAll(() => peer.kill());

  test("its Lock stands in one queue with ours", () => takeTurns(peer, "mutex", "kazoo"));

  test("its transaction is carried out as a whole, or not at all", async () => {
    const program = `
from kazoo.client import KazooClient
client = KazooClient("${server.connectString}")
client.start()
done = client.transaction()
done.create("/kazoo", b"1")
done.check("/kazoo", 0)
done.set_data("/kazoo", b"2")
print(done.commit())
refused = client.transaction()
refused.create("/kazoo/child")
refused.delete("/nowhere")
refused.create("/kazoo/other")
print([type(result).__name__ for result in refused.commit()])
print(client.get_children("/kazoo"))
client.stop()`;
    const { stdout } = await run(PYTHON, ["-c", program]);
    expect(stdout).toContain("'/kazoo', True, ZnodeStat(");
    expect(stdout).toContain("['RolledBackError', 'NoNodeError', 'RuntimeInconsistency']\n[]");
  });
});

(hasCurator() ? describe : describe.skip)("Curator", () => {
  let peer: Peer;
  beforeAll(async () => {
    peer = await startCurator(server.connectString);
  }, JAVA_MS);
  afterAll(() => peer.kill());

  test("its mutex stands in one queue with ours", () => takeTurns(peer, "mutex", "curator"));
  test("its write lock stands in one queue with ours", () => takeTurns(peer, "write", "curator-rw"));
});

(findJava() && findZooKeeperJars() ? describe : describe.skip)("zkCli", () => {
  /** One command, as `zkCli.sh -server … <command>` runs it. */
  async function zkCli(...words: string[]): Promise<string> {
    const jars = (findZooKeeperJars() ?? []).join(":");
    const java = ["-Xmx64m", "-XX:TieredStopAtLevel=1", "-cp", jars, "org.apache.zookeeper.ZooKeeperMain"];
    const { stdout, stderr } = await run(findJava() ?? "java", [...java, "-server", server.connectString, ...words]);
    return `${stdout}\n${stderr}`;
  }

  test(
    "makes, reads, changes, lists and deletes nodes",
    async () => {
      expect(await zkCli("create", "/cli", "one")).toContain("Created /cli");
      await zkCli("create", "-c", "/cli/container");
      await zkCli("set", "/cli", "two");
      expect(await zkCli("get", "-s", "/cli")).toMatch(/two[^]*dataVersion = 1/);
      expect(await zkCli("ls", "/cli")).toContain("[container]");
      await zkCli("delete", "/cli/container");
      expect(zookeeper.dump("/cli").map(({ path }) => path)).toEqual(["/cli"]);
      await zkCli("create", "/cli/a", "");
      await zkCli("create", "/cli/a/b", "");
      await zkCli("deleteall", "/cli");
      expect(zookeeper.dump("/cli")).toEqual([]);
    },
    2 * JAVA_MS,
  );
});

describe("the `zookeeper` package", () => {
  test("makes, reads, lists and deletes nodes", async () => {
    const raw = await RawClient.connect(server.connectString);
    try {
      await raw.create("/raw", "x");
      expect(await raw.children("/")).toContain("raw");
      await raw.delete("/raw");
      expect(zookeeper.dump("/raw")).toEqual([]);
    } finally {
      await raw.close();
    }
  });
});
