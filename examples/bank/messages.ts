/** What a worker is told when it starts. */
export interface Task {
  readonly name: string;
  readonly servers: string;
  readonly rootDir: string;
  readonly ledgerFile: string;
  /** How many of the input file's transfers there are to do. */
  readonly transfers: number;
  readonly fenced: boolean;
  /** The number of the transfer from which on this worker may be stopped in the middle of one; null: it never is. */
  readonly stopAt: number | null;
}

/** An account as a worker saw it, and the token of the worker's hold. */
export interface Seen {
  readonly account: string;
  readonly balance: number;
  readonly token: number;
}

/** A write that came after the lock had gone to somebody else. */
export interface LateWrite {
  readonly kind: "wrote-late";
  /** What the fence said; null: there was none, and the write went through. */
  readonly refusal: { account: string; token: number; highest: number } | null;
}

/** What a worker tells of itself. */
export type Message =
  /** It has read two balances, and will be stopped right before it writes. */
  | { readonly kind: "stopping"; readonly transfer: number; readonly seen: readonly Seen[] }
  | LateWrite
  | ({ readonly kind: "done" } & Tally);

export interface Tally {
  readonly holds: number;
  readonly firstToken: number | null;
  readonly lastToken: number | null;
  readonly refused: number;
}
