import { expect, test } from "@jest/globals";
import { fenceContract } from "./contract.js";
import { openMemory } from "./stores/memory.js";
import { memoryFence } from "../../../src/fencing/memory.js";

fenceContract("memoryFence", () => Promise.resolve(openMemory({ waitTimeoutMs: 300 })));

test("resolves with what the body gave, and the body reads its own writes", async () => {
  const guard = memoryFence();
  const seen = await guard.run("r", 1, (tx) => {
    tx.set("k", 1);
    return [tx.get("k"), guard.get("k")];
  });
  expect(seen).toEqual([1, undefined]);
  await guard.run("r", 1, (tx) => tx.delete("k"));
  expect(guard.get("k")).toBeUndefined();
});
