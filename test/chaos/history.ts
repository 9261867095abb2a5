import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** How a resource is asked for: alone, together with other readers, or as one of `limit`. */
export type Mode =
  { readonly mode: "exclusive" } | { readonly mode: "shared" } | { readonly mode: "permit"; readonly limit: number };

/** What a worker notes down. `id` is that of one acquire and all that follows from it, unique in the worker. */
export type WorkerNote =
  /** About to call acquire. */
  | ({
      readonly is: "call";
      readonly id: number;
      readonly resource: string;
      readonly patience: "endless" | "timeout" | "abort";
    } & Mode)
  | { readonly is: "granted"; readonly id: number; readonly token: number }
  | { readonly is: "rejected"; readonly id: number; readonly code: string; readonly message: string }
  /** `isHeld` was true at some moment from `from` (read before it was asked) to `at` (read after it had answered). */
  | { readonly is: "held"; readonly id: number; readonly from: number }
  /** `isHeld` was false at some moment from `from` to `at`. */
  | { readonly is: "not-held"; readonly id: number; readonly from: number }
  | { readonly is: "lost"; readonly id: number; readonly reason: string }
  | { readonly is: "releasing"; readonly id: number }
  | { readonly is: "released"; readonly id: number; readonly outcome: string }
  /** About to write; each write has a name of its own. */
  | { readonly is: "write"; readonly id: number; readonly write: string }
  /** The transaction with this write was committed. */
  | { readonly is: "accepted"; readonly id: number; readonly write: string }
  | {
      readonly is: "refused";
      readonly id: number;
      readonly write: string;
      readonly code: string;
      readonly message: string;
    }
  | { readonly is: "session"; readonly state: string; readonly session: string }
  | { readonly is: "error"; readonly code: string; readonly message: string };

/** What the harness notes down. */
export type HarnessNote =
  | { readonly is: "started"; readonly worker: string; readonly pid: number }
  /** By us, on purpose. */
  | { readonly is: "killed"; readonly worker: string }
  /** Closed its manager and went, as it was asked to. */
  | { readonly is: "left"; readonly worker: string }
  /** By itself: nobody asked it to. */
  | { readonly is: "died"; readonly worker: string; readonly how: string; readonly output: string }
  | { readonly is: "fault"; readonly fault: number; readonly kind: string; readonly target: string }
  | { readonly is: "healed"; readonly fault: number; readonly kind: string }
  /** All faults are over, and no other comes. */
  | { readonly is: "calm" }
  /** Every worker is asked to end what it has begun, and to begin nothing new. */
  | { readonly is: "draining" }
  /** A worker that did not come to an end by the deadline of the drain. */
  | { readonly is: "stuck"; readonly worker: string; readonly why: string }
  /** The tickets that were left when all workers idled, and the sessions of the dead had ended. */
  | { readonly is: "left-over"; readonly tickets: readonly string[] }
  /** The servers show different trees, long after the last fault: ZooKeeper itself has gone wrong. */
  | { readonly is: "disagreement"; readonly lines: readonly string[] }
  /** What can be said of servers and networks when the workers did not recover: whose fault is it? */
  | { readonly is: "diagnosis"; readonly lines: readonly string[] }
  | { readonly is: "end" };

/** One line of a history: `at` is CLOCK_MONOTONIC in milliseconds, `who` the worker, or "harness". */
export type HistoryRecord = { readonly at: number; readonly who: string } & (WorkerNote | HarnessNote);

/** A write as it stands in the store, in the order of the commits. `base` is the value that its writer had read. */
export interface StoredWrite {
  readonly write: string;
  readonly resource: string;
  readonly token: number;
  readonly base: number;
}

/** Appends to a history file, line by line and without a buffer: a `kill -9` costs a line at the most. */
export class HistoryFile<Note extends object> {
  readonly #file: number;

  constructor(
    directory: string,
    private readonly who: string,
  ) {
    this.#file = openSync(join(directory, `${who}.jsonl`), "a");
  }

  note(at: number, note: Note): void {
    writeSync(this.#file, `${JSON.stringify({ at, who: this.who, ...note })}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** All the history files of a directory as one history, in the order of time. */
export function readHistory(directory: string): HistoryRecord[] {
  const records: HistoryRecord[] = [];
  for (const name of readdirSync(directory).filter((file) => file.endsWith(".jsonl"))) {
    const lines = readFileSync(join(directory, name), "utf8").split("\n");
    // What comes after the last line's end is nothing, or half a line of a worker that was killed.
    lines.pop();
    for (const line of lines) records.push(JSON.parse(line) as HistoryRecord);
  }
  return records.sort((one, other) => one.at - other.at);
}
