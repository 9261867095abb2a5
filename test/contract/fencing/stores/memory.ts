import { type MemoryTransaction, memoryFence } from "../../../../src/fencing/memory.js";
import type { GuardOptions, Store } from "./store.js";

/** All guards of this store are one, because its memory is. `cut` throws, since there is no connection to lose. */
export function openMemory({ waitTimeoutMs }: GuardOptions = {}): Store<MemoryTransaction> {
  const guard = memoryFence(waitTimeoutMs === undefined ? {} : { waitTimeoutMs });
  return {
    locks: "fence",
    stopped: "kept",
    hasTable: false,
    guard: () => guard,
    write: (tx, key, value) => {
      tx.set(key, value);
      return Promise.resolve();
    },
    read: (key) => Promise.resolve((guard.get(key) as string | undefined) ?? null),
    bareWrite: () => Promise.reject(new Error("There is no way around the guard into its memory.")),
    cut: () => Promise.reject(new Error("cut")),
    waiting: () => Promise.resolve(true),
    close: () => Promise.resolve(),
  };
}
