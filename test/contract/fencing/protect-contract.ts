import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { InvalidArgumentError, StaleTokenError } from "../../../src/errors.js";
import type { FenceGuard } from "../../../src/fencing/fence-guard.js";
import type { GuardedUpdate } from "../../../src/fencing/sql/guarded-update.js";
import type { TableName } from "../../../src/fencing/sql/table-name.js";

/** What the SQL guards with triggers have beyond the common contract. */
interface ProtectingGuard<Tx> extends FenceGuard<Tx> {
  update(update: GuardedUpdate): Promise<number>;
  protect(table: TableName, options?: { column?: string }): Promise<void>;
  unprotect(table: TableName): Promise<void>;
  refusalOf(error: unknown): StaleTokenError | null;
}

export interface ProtectStore<Tx> {
  readonly guard: ProtectingGuard<Tx>;
  /** A guard of the same kind with connections of its own. */
  other(): ProtectingGuard<Tx>;
  /** Sends SQL as an application would that knows nothing of the guard. Double quotes stand for the database's own. */
  sql(text: string): Promise<unknown>;
  inside(tx: Tx, text: string): Promise<unknown>;
  rows(text: string): Promise<unknown[]>;
  /** Statements that write row 1 with this token whether it is there or not, and check nothing. */
  upserts(token: number): string[];
  /** A schema beside the usual one, which exists already. */
  readonly schema: string;
  /** Whether the database tells a trigger which columns an UPDATE names. */
  readonly seesNamedColumns: boolean;
}

const ODD_TABLE = `odd "table`;
const ODD_COLUMN = "the `token`'s; DROP TABLE job; --";

export function protectContract<Tx>(name: string, open: () => Promise<ProtectStore<Tx>>): void {
  describe(`${name}: tokens in the rows`, () => {
    let store: ProtectStore<Tx>;
    beforeAll(async () => {
      store = await open();
    });

    const job = async () => (await store.rows(`SELECT state, fence_token AS token FROM job ORDER BY id`))[0];
    const set = (state: string, token: number) =>
      `UPDATE job SET state = '${state}', fence_token = ${token} WHERE id = 1`;

    beforeEach(async () => {
      await store.sql("DROP TABLE IF EXISTS job");
      await store.sql("CREATE TABLE job (id INT PRIMARY KEY, state VARCHAR(200), fence_token BIGINT)");
      await store.sql("INSERT INTO job VALUES (1, 'new', NULL)");
    });

    describe("the guarded update", () => {
      const update = (token: number, id = 1) =>
        store.guard.update({ table: "job", set: { state: `by ${token}` }, where: { id }, token });

      test("writes with a first, an equal and a higher token, and refuses a lower one", async () => {
        expect(await update(5)).toBe(1);
        expect(await update(5)).toBe(1);
        expect(await update(7)).toBe(1);
        const refused = update(6);
        await expect(refused).rejects.toBeInstanceOf(StaleTokenError);
        await expect(refused).rejects.toMatchObject({ token: 6, highest: 7 });
        expect(await job()).toEqual({ state: "by 7", token: "7" });
      });

      test("gives 0 where there is no such row", async () => {
        expect(await update(5, 2)).toBe(0);
      });

      test("keeps the highest token when writers race", async () => {
        await Promise.allSettled([3, 9, 1, 7, 9, 2, 8].map((token) => update(token)));
        expect(await job()).toEqual({ state: "by 9", token: "9" });
        await update(Number.MAX_SAFE_INTEGER);
        await expect(update(Number.MAX_SAFE_INTEGER - 1)).rejects.toMatchObject({ highest: Number.MAX_SAFE_INTEGER });
      });

      test("writes any value as it is, and nothing in it or in a name is read as SQL", async () => {
        const evil = `'"\`\\'; DROP TABLE job; -- \\`;
        for (const guard of [store.other(), store.guard]) {
          await guard.update({ table: "job", set: { state: evil }, where: { id: 1, state: "new" }, token: 1 });
          expect(await job()).toEqual({ state: evil, token: "1" });
          if (guard !== store.guard)
            await guard.update({ table: "job", set: { state: "new" }, where: { state: evil }, token: 1 });
        }
        await store.guard.update({ table: "job", set: { state: null }, where: { state: evil }, token: 1 });
        await store.guard.update({ table: "job", set: { state: "x" }, where: { state: null }, token: 1 });
        expect(await job()).toEqual({ state: "x", token: "1" });
        for (const odd of [evil, "state\" = 'y' --", "state` = 'y' -- "]) {
          const named = (part: Partial<GuardedUpdate>) =>
            store.guard.update({ table: "job", set: { state: "y" }, where: { id: 1 }, token: 9, ...part });
          await expect(named({ set: { [odd]: 1 } })).rejects.toThrow();
          await expect(named({ where: { [odd]: 1 } })).rejects.toThrow();
          await expect(named({ column: odd })).rejects.toThrow();
          await expect(named({ table: [odd] })).rejects.toThrow();
        }
        expect(await job()).toEqual({ state: "x", token: "1" });
      });

      test("refuses what it could not do rightly, before anything is sent", async () => {
        const good: GuardedUpdate = { table: "job", set: { state: "y" }, where: { id: 1 }, token: 9 };
        for (const bad of [
          { token: -1 },
          { token: 1.5 },
          { token: Number.NaN },
          { token: 2 ** 53 },
          { where: {} },
          { set: {} },
          { set: { fence_token: 3 } },
          { where: { id: { id: 1 } } },
          { where: { id: undefined } },
          { set: { state: ["x"] } },
        ]) {
          const update = { ...good, ...bad } as GuardedUpdate;
          await expect(store.guard.update(update)).rejects.toBeInstanceOf(InvalidArgumentError);
        }
        expect(await job()).toEqual({ state: "new", token: null });
      });
    });

    describe("the trigger", () => {
      beforeEach(() => store.guard.protect("job"));

      const error = (run: Promise<unknown>): Promise<unknown> =>
        run.then(
          () => expect("the statement").toBe("refused"),
          (thrown: unknown) => thrown,
        );

      test("refuses a stale UPDATE of an application that checks nothing", async () => {
        await store.sql(set("new owner", 42));
        const refusal = store.guard.refusalOf(await error(store.sql(set("zombie", 41))));
        expect(refusal).toBeInstanceOf(StaleTokenError);
        expect(refusal).toMatchObject({ token: 41, highest: 42 });
        expect(await job()).toEqual({ state: "new owner", token: "42" });
      });

      test("accepts an equal and a higher token", async () => {
        await store.sql(set("one", 5));
        await store.sql(set("two", 5));
        await store.sql(set("three", 6));
        expect(await job()).toEqual({ state: "three", token: "6" });
      });

      test("refuses rows and updates without a token, and negative ones", async () => {
        await store.sql(set("one", 5));
        for (const bad of [
          "INSERT INTO job (id, state) VALUES (2, 'none')",
          "INSERT INTO job (id, state, fence_token) VALUES (2, 'negative', -1)",
          "UPDATE job SET state = 'null', fence_token = NULL WHERE id = 1",
          "UPDATE job SET state = 'negative', fence_token = -6 WHERE id = 1",
          "DELETE FROM job WHERE id = 1",
        ]) {
          const thrown = await error(store.sql(bad));
          expect(store.guard.refusalOf(thrown)).toBeNull();
          expect(String(thrown)).toMatch(/fencing token/);
        }
        expect(await store.rows("SELECT count(*) AS n FROM job")).toEqual([{ n: expect.anything() as unknown }]);
        expect(await job()).toEqual({ state: "one", token: "5" });
      });

      test("refuses stale upserts, and accepts others", async () => {
        await store.sql(set("one", 5));
        for (const upsert of store.upserts(4)) await expect(store.sql(upsert)).rejects.toThrow(/stale|DELETE without/);
        expect(await job()).toEqual({ state: "one", token: "5" });
        await store.sql(store.upserts(6)[0]!);
        expect(await job()).toEqual({ state: "upserted", token: "6" });
      });

      test("accepts new rows with a token", async () => {
        await store.sql("INSERT INTO job VALUES (2, 'new', 3)");
        await expect(store.sql("UPDATE job SET state = 'old', fence_token = 2 WHERE id = 2")).rejects.toThrow(/stale/);
      });

      test("treats an UPDATE that leaves the column out as the database lets it", async () => {
        await store.sql(set("one", 5));
        const forgetful = store.sql("UPDATE job SET state = 'forgot' WHERE id = 1");
        if (store.seesNamedColumns) await expect(forgetful).rejects.toThrow(/without a fencing token/);
        else await forgetful;
      });

      test("refuses many rows at once if one of them has seen a higher token", async () => {
        await store.sql("INSERT INTO job VALUES (2, 'new', 3)");
        await store.sql(set("one", 5));
        await expect(store.sql("UPDATE job SET state = 'all', fence_token = 4")).rejects.toThrow(/stale/);
        expect(await store.rows("SELECT state FROM job WHERE state = 'all'")).toEqual([]);
      });

      test("inside run, writes the token that the statement leaves out, and refuses a stale one as StaleTokenError", async () => {
        await store.guard.run("job 1", 5, async (tx) => {
          await store.inside(tx, "UPDATE job SET state = 'stamped' WHERE id = 1");
          await store.inside(tx, "INSERT INTO job (id, state) VALUES (2, 'stamped too')");
        });
        expect(await store.rows("SELECT id FROM job WHERE fence_token = 5")).toHaveLength(2);
        // Another resource's run: its fence lets it in, and the row does not.
        const zombie = store.guard.run("another resource", 4, (tx) =>
          store.inside(tx, "UPDATE job SET state = 'zombie' WHERE id = 1"),
        );
        await expect(zombie).rejects.toMatchObject({ name: "StaleTokenError", token: 4, highest: 5 });
        const deletes = (token: number) =>
          store.guard.run("deleting", token, (tx) => store.inside(tx, "DELETE FROM job WHERE id = 1"));
        await expect(deletes(4)).rejects.toMatchObject({ name: "StaleTokenError", token: 4, highest: 5 });
        expect(await job()).toEqual({ state: "stamped", token: "5" });
        await deletes(5);
        expect(await job()).toEqual({ state: "stamped too", token: "5" });
        await expect(store.sql("DELETE FROM job")).rejects.toThrow(/without a fencing token/);
      });

      test("leaves the guarded update to find its own way", async () => {
        const update = (token: number) =>
          store.guard.update({ table: "job", set: { state: "x" }, where: { id: 1 }, token });
        expect(await update(5)).toBe(1);
        await expect(update(4)).rejects.toBeInstanceOf(StaleTokenError);
      });

      test("can be put on by many at once, and again, and taken off", async () => {
        await store.guard.unprotect("job");
        const guards = [store.guard, store.other(), store.other()];
        await Promise.all([...guards, ...guards].map((guard) => guard.protect("job")));
        await store.sql(set("one", 5));
        await expect(store.sql(set("old", 4))).rejects.toThrow(/stale/);
        await store.guard.unprotect("job");
        await store.sql(set("old", 4));
        await store.guard.unprotect("job");
        await store.sql("DELETE FROM job");
      });

      test("refuses a column that is missing, or too small for a token", async () => {
        await store.sql("DROP TABLE IF EXISTS small");
        await store.sql("CREATE TABLE small (id INT, fence_token INT)");
        await expect(store.guard.protect("small")).rejects.toThrow(InvalidArgumentError);
        await expect(store.guard.protect("small", { column: "missing" })).rejects.toThrow(/has no such column/);
      });

      test("takes any name of schema, table and column as a name", async () => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const table = `${quoted(store.schema)}.${quoted(ODD_TABLE)}`;
        await store.sql(`DROP TABLE IF EXISTS ${table}`);
        await store.sql(`CREATE TABLE ${table} (id INT, ${quoted(ODD_COLUMN)} BIGINT)`);
        await store.guard.protect([store.schema, ODD_TABLE], { column: ODD_COLUMN });
        await store.sql(`INSERT INTO ${table} VALUES (1, 7)`);
        await expect(store.sql(`UPDATE ${table} SET ${quoted(ODD_COLUMN)} = 6`)).rejects.toThrow(/stale/);
        const update = {
          table: [store.schema, ODD_TABLE] as const,
          column: ODD_COLUMN,
          set: { id: 2 },
          where: { id: 1 },
        };
        await expect(store.guard.update({ ...update, token: 6 })).rejects.toMatchObject({ highest: 7 });
        expect(await store.guard.update({ ...update, token: 7 })).toBe(1);
        await store.guard.unprotect([store.schema, ODD_TABLE]);
        await store.sql(`UPDATE ${table} SET ${quoted(ODD_COLUMN)} = 6`);
        expect(await store.rows("SELECT id FROM job")).toHaveLength(1);
      });
    });
  });
}
