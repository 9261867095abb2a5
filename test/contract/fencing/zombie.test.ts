import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startMariadb } from "../../helpers/databases/mariadb.js";
import { startPostgres } from "../../helpers/databases/postgres.js";
import { startRedis } from "../../helpers/databases/redis.js";
import { startWorker } from "../../helpers/processes.js";
import { openStore } from "./stores/index.js";
import { nodeSqlite } from "./stores/sqlite.js";
import type { StoreAddress, StoreKind } from "./stores/store.js";
import { type Account, deposit } from "./deposit.js";
import type { api as TellerApi } from "./teller.js";

/**
 * The whole story, with a real lock and a real store: a holder is stopped for longer than its session, somebody else gets the
 * lock and writes, and the zombie wakes and writes what it had worked out before.
 */
const directory = mkdtempSync(join(tmpdir(), "zk-lock-zombie-"));
const servers: { url: string; stop(): Promise<void> }[] = [];
const urls = new Map<StoreKind, string>();

beforeAll(async () => {
  const [postgres, mariadb, redis] = await Promise.all([startPostgres(), startMariadb(), startRedis()]);
  servers.push(postgres, mariadb, redis);
  urls.set("postgres", postgres.url).set("mysql", mariadb.url);
  urls.set("ioredis", redis.url).set("node-redis", `${redis.url}/1`);
  urls.set("better-sqlite3", join(directory, "better.db")).set("node:sqlite", join(directory, "node.db"));
}, 60_000);
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(directory, { recursive: true });
});

const kinds: StoreKind[] = ["better-sqlite3", "postgres", "mysql", "ioredis", "node-redis"];
if (nodeSqlite() !== null) kinds.push("node:sqlite");

describe.each(kinds)("a zombie's deposit, with %s", (kind) => {
  test("is refused by the guard, and the successor's deposit is kept", async () => {
    const { zombie, balance } = await story(kind, true);
    expect(zombie).toMatchObject({ name: "StaleTokenError", code: "ERR_STALE_TOKEN" });
    expect(balance).toBe("101");
  });

  test("makes the successor's deposit vanish without the guard", async () => {
    const { zombie, balance } = await story(kind, false);
    expect(zombie).toBe("written");
    expect(balance).toBe("110");
  });
});

async function story(kind: StoreKind, guarded: boolean): Promise<{ zombie: unknown; balance: string | null }> {
  const address: StoreAddress = { kind, url: urls.get(kind)! };
  const account = `account ${randomUUID()}`;
  const common = { servers: process.env["ZK_TEST_CONNECT"]!, rootDir: `/zombie-${randomUUID()}` };
  const at: Account = { ...common, account, store: address, guarded };
  const store = await openStore(address);
  const worker = await startWorker<typeof TellerApi>(new URL("teller.ts", import.meta.url));
  try {
    await store.guard().setup();
    await store.bareWrite(account, "100");
    const zombie = worker.call("deposit", at, 10).then(
      () => "written",
      (error: unknown) => error,
    );
    // A deposit that fails before it thinks should say why, and not be waited for.
    const thinking = await Promise.race([worker.event("thinking"), zombie]);
    if (typeof thinking !== "number") throw thinking;
    await worker.pause();
    // The successor waits for as long as ZooKeeper keeps the zombie's session, and then gets the lock.
    await deposit(at, 1, (token) => {
      expect(token).toBeGreaterThan(thinking);
      return Promise.resolve();
    });
    expect(await store.read(account)).toBe("101");
    worker.resume();
    await worker.call("write");
    return { zombie: await zombie, balance: await store.read(account) };
  } finally {
    await worker.kill();
    await store.close();
  }
}
