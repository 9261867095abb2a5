import type { ChildSpec } from "../child/child.js";
import type { Place } from "../connection.js";

/** Which lock is taken. */
export type Mode =
  | { readonly kind: "exclusive" | "read" | "write" }
  | { readonly kind: "semaphore"; readonly maxHolders: number; readonly replaceLimit: boolean };

/** What `zk-lock run` was asked to do. */
export interface RunRequest {
  readonly place: Place;
  readonly id: string;
  readonly resource: string;
  readonly mode: Mode;
  readonly ttlMs: number | undefined;
  /** undefined: wait without end; 0: only if it is free now. */
  readonly waitMs: number | undefined;
  readonly child: Omit<ChildSpec, "env">;
  readonly verbose: boolean;
}
