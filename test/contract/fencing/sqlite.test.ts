import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { FenceTransactionError, StaleTokenError, sqliteFence } from "../../../src/fencing/sqlite/index.js";
import { until } from "../../helpers/until.js";
import { fenceContract } from "./contract.js";
import { gate } from "./gate.js";
import { betterSqlite, nodeSqlite, openSqlite } from "./stores/sqlite.js";

const directory = mkdtempSync(join(tmpdir(), "zk-lock-sqlite-"));
afterAll(() => rmSync(directory, { recursive: true }));

const nodes = nodeSqlite();
const drivers = [
  { kind: "better-sqlite3" as const, open: betterSqlite },
  ...(nodes === null ? [] : [{ kind: "node:sqlite" as const, open: nodes }]),
];

for (const { kind, open } of drivers) {
  const file = join(directory, `${kind.replace(":", "-")}.db`);
  fenceContract(
    `sqliteFence with ${kind}`,
    () => Promise.resolve(openSqlite(file, open)),
    () => ({ kind, url: file }),
  );

  describe(`sqliteFence with ${kind}`, () => {
    test("resolves with what the body gave, whether it waits or not", async () => {
      const db = open(":memory:");
      const guard = sqliteFence(db);
      await guard.setup();
      expect(await guard.run("r", 1, (tx) => tx === db)).toBe(true);
      expect(await guard.run("r", 1, () => Promise.resolve("later"))).toBe("later");
      db.close();
    });

    test("does not stop the event loop while another connection holds the file", async () => {
      const other = open(file);
      const guard = sqliteFence(open(file), { waitTimeoutMs: 5_000 });
      other.exec("BEGIN IMMEDIATE");
      let turns = 0;
      const timer = setInterval(() => (turns += 1), 5);
      const run = guard.run("loop", 1, () => "done");
      await until(() => turns > 10, { what: "the event loop to go on" });
      clearInterval(timer);
      other.exec("COMMIT");
      expect(await run).toBe("done");
      other.close();
    });

    test("gives the connection its own busy timeout back", async () => {
      const db = open(file);
      db.exec("PRAGMA busy_timeout = 1234");
      const guard = sqliteFence(db);
      await guard.run("busy", 1, () => undefined);
      await expect(guard.run("busy", 0, () => undefined)).rejects.toBeInstanceOf(StaleTokenError);
      expect(db.prepare("PRAGMA busy_timeout").get()).toEqual({ timeout: 1234 });
      db.close();
    });

    test("lets two guards over one connection take turns", async () => {
      const db = open(file);
      const [one, two] = [sqliteFence(db), sqliteFence(db)];
      const [inside, mayEnd] = [gate(), gate()];
      const slow = one.run("shared", 1, async () => {
        inside.open();
        await mayEnd.passed;
        return "one";
      });
      await inside.passed;
      const next = two.run("shared", 2, () => "two");
      mayEnd.open();
      expect(await Promise.all([slow, next])).toEqual(["one", "two"]);
      db.close();
    });

    test("says so when the body has ended the transaction itself", async () => {
      const db = open(file);
      const guard = sqliteFence(db);
      await expect(guard.run("ended", 1, (tx) => void tx.exec("COMMIT"))).rejects.toBeInstanceOf(FenceTransactionError);
      await guard.run("ended", 2, () => undefined);
      db.close();
    });

    test("waits at COMMIT for a reader of a file without a write-ahead log", async () => {
      const [writer, reader] = [open(file), open(file)];
      writer.exec(
        "PRAGMA journal_mode = DELETE; CREATE TABLE IF NOT EXISTS held (n INTEGER); INSERT INTO held VALUES (1)",
      );
      const guard = sqliteFence(writer);
      const inside = gate();
      const run = guard.run("reader", 1, (tx) => {
        tx.exec("INSERT INTO held VALUES (2)");
        reader.exec("BEGIN");
        reader.prepare("SELECT count(*) FROM held").get();
        inside.open();
      });
      await inside.passed;
      reader.exec("COMMIT");
      await run;
      expect(reader.prepare("SELECT max(n) AS n FROM held").get()).toEqual({ n: 2 });
      writer.close();
      reader.close();
    });

    test("keeps its table in an attached database, under any name", async () => {
      const db = open(":memory:");
      db.exec("ATTACH ':memory:' AS side");
      const guard = sqliteFence(db, { table: ["side", 'the "fences".of; x'] });
      await guard.setup();
      await guard.run("r", 3, () => undefined);
      expect(db.prepare('SELECT token FROM side."the ""fences"".of; x"').get()).toEqual({ token: 3 });
      db.close();
    });

    test("updates a row that carries its token, refuses a stale one, and tells a missing row from it", async () => {
      const db = open(":memory:");
      db.exec(
        "CREATE TABLE job (id INTEGER, owner TEXT, state TEXT, fence_token INTEGER); INSERT INTO job VALUES (1, NULL, 'new', NULL)",
      );
      const guard = sqliteFence(db);
      const update = (token: number, id = 1) =>
        guard.update({ table: "job", set: { state: `by ${token}` }, where: { id, owner: null }, token });
      expect(await update(5)).toBe(1);
      expect(await update(5)).toBe(1);
      await expect(update(4)).rejects.toMatchObject({ name: "StaleTokenError", token: 4, highest: 5 });
      expect(await update(4, 2)).toBe(0);
      expect(db.prepare("SELECT state, fence_token FROM job").get()).toEqual({ state: "by 5", fence_token: 5 });
      db.close();
    });
  });
}
