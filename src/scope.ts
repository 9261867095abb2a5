import { AsyncLocalStorage } from "node:async_hooks";
import type { ResourceHold } from "./hold.js";
import type { Reentrancy } from "./options.js";

/** The one owner that all of a process share under `reentrancy: "process"`. */
export const PROCESS = { owner: "process" };

/** The holds of the `using` bodies we run inside of, the innermost last. */
const enclosingHolds = new AsyncLocalStorage<readonly ResourceHold[]>();

/** Runs a body of `using`: code in its async context may re-enter the hold. */
export function insideOf<T>(hold: ResourceHold, body: () => Promise<T>): Promise<T> {
  return enclosingHolds.run([...(enclosingHolds.getStore() ?? []), hold], body);
}

/** Whether we run inside the `using` of this hold. */
export function isInsideOf(hold: ResourceHold): boolean {
  return enclosingHolds.getStore()?.includes(hold) ?? false;
}

/** On whose behalf we acquire: the same object enters the same hold, a fresh one queues. */
export function scopeOf({ reentrancy, directory }: { reentrancy: Reentrancy; directory: string }): object {
  switch (reentrancy) {
    case "process":
      return PROCESS;
    case "task":
      return enclosingHold(directory)?.scope ?? {};
    case "none":
      return {};
    default:
      return reentrancy satisfies never;
  }
}

/** The hold of this resource in whose `using` we run, if it still stands. */
function enclosingHold(directory: string): ResourceHold | undefined {
  return enclosingHolds.getStore()?.findLast((hold) => hold.directory === directory && hold.isHeld);
}
