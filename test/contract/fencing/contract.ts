import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { InvalidArgumentError, StaleTokenError } from "../../../src/errors.js";
import { FenceBusyError, FenceSetupError } from "../../../src/fencing/errors.js";
import { startWorker } from "../../helpers/processes.js";
import type { api as HolderApi } from "./holder.js";
import { until } from "../../helpers/until.js";
import type { Store, StoreAddress } from "./stores/store.js";
import { gate } from "./gate.js";

const BIGGEST = Number.MAX_SAFE_INTEGER;

/** Names that some store, collation or encoding would take for the same, or for something else than a name. */
const ODD_NAMES = [
  "a",
  "A",
  "ä",
  "Ä",
  "ß",
  "ss",
  "a ",
  " a",
  "a\t",
  "a\u0308",
  "é",
  "e\u0301",
  "ı",
  "I",
  "🔒",
  "🔓",
  "'",
  '"',
  "`",
  "\\",
  "\\'",
  "'; DROP TABLE zk_lock_fences; --",
  "%",
  "_",
  "$1",
  "?",
  ":name",
  "{tag}",
  "}",
  "a/b",
  "..",
  "line\nbreak",
  "\u0001",
  "\ufeff",
  "ﬁ",
  "fi",
  "x".repeat(512),
  "x".repeat(511) + "y",
  "🔒".repeat(128),
];

const BAD_TOKENS = [-1, 1.5, Number.NaN, Infinity, BIGGEST + 1, "7", 7n, null, undefined];
const BAD_NAMES = ["", "a\0b", "x".repeat(513), "ä".repeat(257), "\ud800", 7, null, undefined];

/** The one contract of all fence guards. `address` is for worker processes; a store without it lives in this process only. */
export function fenceContract<Tx>(name: string, open: () => Promise<Store<Tx>>, address?: () => StoreAddress): void {
  describe(name, () => {
    let store: Store<Tx>;
    const fresh = (): string => `resource ${randomUUID()}`;

    beforeAll(async () => {
      store = await open();
      await store.guard().setup();
    });
    afterAll(async () => {
      await store.close();
    });

    const writing = (key: string, value: string) => (tx: Tx) => store.write(tx, key, value);

    test("has no highest token of a resource that nobody wrote to", async () => {
      expect(await store.guard().highest(fresh())).toBeNull();
    });

    test("raises the fence and writes", async () => {
      const [guard, resource] = [store.guard(), fresh()];
      await guard.run(resource, 7, writing(resource, "seven"));
      expect(await guard.highest(resource)).toBe(7);
      expect(await store.read(resource)).toBe("seven");
    });

    test("refuses a stale token, tells the highest, and writes nothing", async () => {
      const [guard, resource] = [store.guard(), fresh()];
      await guard.run(resource, 42, writing(resource, "new"));
      const refused = guard.run(resource, 41, writing(resource, "old"));
      await expect(refused).rejects.toBeInstanceOf(StaleTokenError);
      await expect(refused).rejects.toMatchObject({ token: 41, highest: 42, resource, code: "ERR_STALE_TOKEN" });
      expect(await store.read(resource)).toBe("new");
      expect(await guard.highest(resource)).toBe(42);
    });

    test("accepts the same token again, and a higher one", async () => {
      const [guard, resource] = [store.guard(), fresh()];
      for (const [token, value] of [
        [5, "first"],
        [5, "second"],
        [6, "third"],
      ] as const) {
        await guard.run(resource, token, writing(resource, value));
        expect(await store.read(resource)).toBe(value);
      }
      expect(await guard.highest(resource)).toBe(6);
    });

    test("compares tokens exactly up to the largest safe integer, and as numbers", async () => {
      const [guard, resource] = [store.guard(), fresh()];
      const write = (token: number) => guard.run(resource, token, writing(resource, String(token)));
      await write(0);
      await write(9);
      await write(10);
      await expect(write(9)).rejects.toMatchObject({ highest: 10 });
      await write(BIGGEST - 1);
      await write(BIGGEST);
      await expect(write(BIGGEST - 1)).rejects.toMatchObject({ token: BIGGEST - 1, highest: BIGGEST });
      expect(await guard.highest(resource)).toBe(BIGGEST);
    });

    test("lets an older writer that came first end before a newer one begins, or refuses it", async () => {
      const [older, newer, resource] = [store.guard(), store.guard(), fresh()];
      const [inside, mayEnd] = [gate(), gate()];
      const order: string[] = [];
      const slow = older.run(resource, 1, async (tx) => {
        inside.open();
        await mayEnd.passed;
        await store.write(tx, resource, "old");
        order.push("old");
      });
      slow.catch(() => undefined);
      await inside.passed;
      const quick = newer.run(resource, 2, async (tx) => {
        await store.write(tx, resource, "new");
        order.push("new");
      });
      if (store.locks === "nothing") await quick;
      else await until(() => store.waiting(), { what: "the newer writer to wait" });
      mayEnd.open();
      await quick;
      if (store.locks === "nothing") {
        await expect(slow).rejects.toBeInstanceOf(StaleTokenError);
      } else {
        await slow;
        expect(order).toEqual(["old", "new"]);
      }
      expect(await store.read(resource)).toBe("new");
      expect(await newer.highest(resource)).toBe(2);
    });

    test("refuses an older writer that comes while a newer one is inside", async () => {
      const [older, newer, resource] = [store.guard(), store.guard(), fresh()];
      const [inside, mayEnd] = [gate(), gate()];
      const first = newer.run(resource, 2, async (tx) => {
        inside.open();
        await mayEnd.passed;
        await store.write(tx, resource, "new");
      });
      await inside.passed;
      if (store.locks === "nothing") {
        mayEnd.open();
        await first;
      }
      const refused = older.run(resource, 1, writing(resource, "old"));
      refused.catch(() => undefined);
      await until(() => store.waiting(), { what: "the older writer to wait" });
      mayEnd.open();
      await first;
      await expect(refused).rejects.toMatchObject({ name: "StaleTokenError", token: 1, highest: 2 });
      expect(await store.read(resource)).toBe("new");
    });

    test("takes everything back when the body throws, and throws that very error", async () => {
      const [guard, resource] = [store.guard(), fresh()];
      const problem = new Error("the body's own");
      const failing = async (tx: Tx) => {
        await store.write(tx, resource, "half");
        throw problem;
      };
      await expect(guard.run(resource, 3, failing)).rejects.toBe(problem);
      expect(await guard.highest(resource)).toBeNull();
      expect(await store.read(resource)).toBeNull();

      await guard.run(resource, 4, writing(resource, "whole"));
      await expect(guard.run(resource, 9, failing)).rejects.toBe(problem);
      expect(await guard.highest(resource)).toBe(4);
      await guard.run(resource, 4, writing(resource, "still good"));
      expect(await store.read(resource)).toBe("still good");
    });

    test("leaves nothing behind when the connection is lost in the middle", async () => {
      const [guard, other, resource] = [store.guard(), store.guard(), fresh()];
      const cut = guard.run(resource, 3, async (tx) => {
        await store.write(tx, resource, "half");
        await store.cut(tx);
        await store.write(tx, resource, "more");
      });
      await expect(cut).rejects.not.toBeInstanceOf(StaleTokenError);
      const survivor = store.locks === "nothing" ? (await reopened()).guard() : other;
      expect(await survivor.highest(resource)).toBeNull();
      expect(await store.read(resource)).toBeNull();
      await survivor.run(resource, 1, writing(resource, "whole"));
      expect(await store.read(resource)).toBe("whole");
    });

    /** The store anew, where `cut` has taken every connection with it. */
    async function reopened(): Promise<Store<Tx>> {
      await store.close();
      return (store = await open());
    }

    test("survives many first uses of a resource at once", async () => {
      const [resource, guards] = [fresh(), [store.guard(), store.guard(), store.guard()]];
      const tokens = [5, 3, 8, 1, 7, 2, 6, 4, 8, 1];
      const runs = tokens.map((token, n) => guards[n % 3]!.run(resource, token, writing(resource, String(token))));
      const outcomes = await Promise.allSettled(runs);
      for (const [n, outcome] of outcomes.entries()) {
        if (outcome.status === "fulfilled") continue;
        const refusal = outcome.reason as StaleTokenError;
        expect(refusal).toBeInstanceOf(StaleTokenError);
        expect(refusal.token).toBe(tokens[n]);
        expect(refusal.highest).toBeGreaterThan(tokens[n]!);
      }
      expect(outcomes[2]!.status).toBe("fulfilled");
      expect(await guards[0]!.highest(resource)).toBe(8);
      expect(await store.read(resource)).toBe("8");
    });

    test("can be set up by many at once, and again", async () => {
      const table = `fences_${randomUUID().replaceAll("-", "")}`;
      const guards = [store.guard({ table }), store.guard({ table })];
      await Promise.all([...guards, ...guards, ...guards, ...guards].map((guard) => guard.setup()));
      const resource = fresh();
      await guards[0]!.run(resource, 3, writing(resource, "x"));
      await guards[1]!.setup();
      expect(await guards[1]!.highest(resource)).toBe(3);
    });

    test("says that setup is missing", async () => {
      if (!store.hasTable) {
        await expect(store.guard().setup()).resolves.toBeUndefined();
        return;
      }
      const guard = store.guard({ table: "nobody_made_this" });
      const run = guard.run("r", 1, () => "not reached");
      await expect(run).rejects.toBeInstanceOf(FenceSetupError);
      await expect(run).rejects.toThrow(/call setup\(\)/);
      await expect(guard.highest("r")).rejects.toBeInstanceOf(FenceSetupError);
    });

    test("keeps odd names apart", async () => {
      const guard = store.guard();
      expect(new Set(ODD_NAMES).size).toBe(ODD_NAMES.length);
      for (const odd of ODD_NAMES) expect([odd, await guard.highest(odd)]).toEqual([odd, null]);
      for (const [n, odd] of ODD_NAMES.entries()) await guard.run(odd, 100 + n, writing("odd", odd));
      for (const [n, odd] of ODD_NAMES.entries()) expect([odd, await guard.highest(odd)]).toEqual([odd, 100 + n]);
      await expect(guard.run(ODD_NAMES[0]!, 99, () => undefined)).rejects.toMatchObject({ highest: 100 });
    });

    test("refuses a bad token or name before anything is sent", async () => {
      const [guard, resource] = [store.guard({ table: "never_made_either" }), fresh()];
      let called = false;
      const body = () => void (called = true);
      for (const token of BAD_TOKENS) {
        await expect(guard.run(resource, token as number, body)).rejects.toBeInstanceOf(InvalidArgumentError);
      }
      for (const bad of BAD_NAMES) {
        await expect(guard.run(bad as string, 1, body)).rejects.toBeInstanceOf(InvalidArgumentError);
        await expect(guard.highest(bad as string)).rejects.toBeInstanceOf(InvalidArgumentError);
      }
      expect(called).toBe(false);
    });

    test("does not let the writers of one resource wait for another's", async () => {
      const [one, two] = [store.guard(), store.guard()];
      const [inside, mayEnd] = [gate(), gate()];
      const [first, second] = [fresh(), fresh()];
      const slow = one.run(first, 1, async () => {
        inside.open();
        await mayEnd.passed;
      });
      await inside.passed;
      // SQLite locks the whole file, so there the second one has to wait for the first.
      if (store.locks === "store") mayEnd.open();
      await two.run(second, 1, writing(second, "done"));
      mayEnd.open();
      await slow;
      expect(await store.read(second)).toBe("done");
    });

    test("waits for another writer no longer than it was told", async () => {
      const [one, resource] = [store.guard(), fresh()];
      const [inside, mayEnd] = [gate(), gate()];
      const impatient = store.guard({ waitTimeoutMs: 300 });
      const slow = one.run(resource, 1, async () => {
        inside.open();
        await mayEnd.passed;
      });
      slow.catch(() => undefined);
      await inside.passed;
      const began = performance.now();
      const second = impatient.run(resource, 2, writing(resource, "new"));
      if (store.locks === "nothing") await second;
      else await expect(second).rejects.toBeInstanceOf(FenceBusyError);
      expect(performance.now() - began).toBeLessThan(3_000);
      mayEnd.open();
      if (store.locks === "nothing") {
        await expect(slow).rejects.toBeInstanceOf(StaleTokenError);
        return;
      }
      await slow;
      await impatient.run(resource, 2, writing(resource, "new"));
      expect(await store.read(resource)).toBe("new");
    });

    if (address === undefined) return;

    test("is not held up by a process that was stopped inside its transaction, and refuses it when it wakes", async () => {
      const resource = fresh();
      const times = { idleTimeoutMs: 1_000, waitTimeoutMs: 5_000 };
      const worker = await startWorker<typeof HolderApi>(new URL("holder.ts", import.meta.url));
      try {
        const zombie = worker.call("writeSlowly", address(), times, resource, 1, resource, "zombie");
        const ended = zombie.then(
          () => "committed",
          (error: unknown) => error as Error,
        );
        await worker.event("inside");
        await worker.pause();
        const successor = store.guard(store.stopped === "kept" ? { waitTimeoutMs: 500 } : times);
        const began = performance.now();
        const run = successor.run(resource, 2, writing(resource, "successor"));
        if (store.stopped === "kept") await expect(run).rejects.toBeInstanceOf(FenceBusyError);
        else await run;
        expect(performance.now() - began).toBeLessThan(4_000);
        worker.resume();
        await worker.call("go");
        const outcome = await ended;
        if (store.stopped === "kept") {
          // Nothing else was written meanwhile: it is an older writer that ends before the newer one begins.
          expect(outcome).toBe("committed");
          await successor.run(resource, 2, writing(resource, "successor"));
        } else if (store.stopped === "never held") {
          expect(outcome).toMatchObject({ name: "StaleTokenError" });
        } else {
          expect(outcome).toBeInstanceOf(Error);
        }
        expect(await store.read(resource)).toBe("successor");
        expect(await successor.highest(resource)).toBe(2);
      } finally {
        await worker.kill();
      }
    });
  });
}
