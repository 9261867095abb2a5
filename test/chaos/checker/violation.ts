import type { HistoryRecord } from "../history.js";

/** What must never be, by the name that the summary gives it. */
export type Rule =
  | "two holders at a time"
  | "belief came back"
  | "tokens not rising"
  | "token given twice"
  | "stale write accepted"
  | "write lost"
  | "starvation"
  | "ticket left over"
  | "promise never settled"
  | "worker died"
  | "unexpected error"
  | "no recovery"
  | "servers disagree";

/** One of them that was, with the lines of the history that show it. */
export interface Violation {
  readonly rule: Rule;
  readonly what: string;
  readonly records: readonly HistoryRecord[];
}
