import type { FenceGuard } from "../../../../src/fencing/fence-guard.js";

/** What the contract suite may ask of a guard. A guard leaves out what it has no use for. */
export interface GuardOptions {
  readonly table?: string;
  readonly waitTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
}

/** One store as the contract suite sees it: guards over it, and a few notes that transactions write. */
export interface Store<Tx> {
  /**
   * What keeps others away while a body runs: `fence`, its own resource's; `store`, everything; `nothing`, because the store
   * sees the run only when all of it is known (Redis).
   */
  readonly locks: "fence" | "store" | "nothing";
  /** What becomes of the fence when a process is stopped inside a body: taken back by the store, kept, or never held. */
  readonly stopped: "taken back" | "kept" | "never held";
  readonly hasTable: boolean;
  /** A guard with connections of its own, where the store has connections. */
  guard(options?: GuardOptions): FenceGuard<Tx>;
  write(tx: Tx, key: string, value: string): Promise<void>;
  read(key: string): Promise<string | null>;
  /** Writes without any guard, and so without any protection. */
  bareWrite(key: string, value: string): Promise<void>;
  /** Ends the connection under a transaction, from outside where that is possible. */
  cut(tx: Tx): Promise<void>;
  /** Whether somebody waits for a fence just now; always true where the store cannot tell. */
  waiting(): Promise<boolean>;
  close(): Promise<void>;
}

/** How a worker process comes to the same store. */
export interface StoreAddress {
  readonly kind: StoreKind;
  /** The URL of the server, or the file. */
  readonly url: string;
}

export type StoreKind = "better-sqlite3" | "node:sqlite" | "postgres" | "mysql" | "ioredis" | "node-redis";
