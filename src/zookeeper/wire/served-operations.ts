import { bool, int, list, nothing, number, record, text } from "./codec.js";
import { operations } from "./operations.js";

const watched = { seenZxid: number, data: list(text), exists: list(text), children: list(text) };
const standing = { persistent: list(text), recursive: list(text) };

/** Operations of ZooKeeper that other clients ask of a server, and ours does not. */
export const servedOperations = {
  getChildren: {
    number: 8,
    request: record({ path: text, watch: bool }),
    reply: record({ children: list(text) }),
  },
  check: { number: 13, request: record({ path: text, version: int }), reply: nothing },
  checkWatches: { ...operations.removeWatches, number: 17 },
  setWatches: { number: 101, request: record(watched), reply: nothing },
  setWatches2: { number: 105, request: record({ ...watched, ...standing }), reply: nothing },
  addWatch: { number: 106, request: record({ path: text, mode: int }), reply: nothing },
  whoAmI: { number: 107, request: nothing, reply: record({ identities: list(record({ scheme: text, id: text })) }) },
} as const;

/** What `checkWatches` and `removeWatches` ask for. */
export const WATCH_KINDS = { children: 1, data: 2, any: 3 } as const;

/** `addWatch`: how far the watch reaches. */
export const WATCH_MODES = { persistent: 0, persistentRecursive: 1 } as const;
