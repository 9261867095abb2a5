import { AsyncLocalStorage } from "node:async_hooks";
import type { Reentrancy } from "../options.js";
import type { TakenBy, Taking } from "./taking.js";

/** The one owner that all bare acquires of a process share, unless `reentrancy` says otherwise. */
export const PROCESS = { is: "process" };

/**
 * Who owns what an acquire takes. `default`: a bare acquire takes it for the process, and a body of `using` or a `hold()` for
 * itself.
 */
export type Owning = Reentrancy | "default";

/** What decides on whose behalf a call acquires. */
export interface OwnerRules {
  readonly owning: Owning;
  /** The innermost hold of this resource that we run inside of, while it stands. */
  readonly enclosing: Taking | undefined;
  /** Whether a bare acquire of this process holds the resource, or waits for it. */
  processHasIt(): boolean;
}

/** The takings whose bodies we run inside of, the innermost last. */
const enclosing = new AsyncLocalStorage<readonly Taking[]>();

/** Runs `body` inside of holds: code in its async context may re-enter them. */
export function insideOf<T>(takings: readonly Taking[], body: () => T): T {
  return enclosing.run([...enclosingTakings(), ...takings], body);
}

/** The takings that we run inside of and that have not been given back, the innermost last. */
export function enclosingTakings(): readonly Taking[] {
  return (enclosing.getStore() ?? []).filter(({ isOpen }) => isOpen);
}

/** On whose behalf we acquire: the same object enters the same hold, a fresh one queues. */
export function ownerOf(rules: OwnerRules, by: TakenBy): object {
  const { owning, enclosing } = rules;
  switch (owning) {
    case "process":
      return PROCESS;
    case "task":
      return enclosing?.hold.owner ?? {};
    case "none":
      return {};
    case "default":
      // What a bare acquire took belongs to the process, bodies included.
      return enclosing?.hold.owner ?? (by === "acquire" || rules.processHasIt() ? PROCESS : {});
    default:
      return owning satisfies never;
  }
}
