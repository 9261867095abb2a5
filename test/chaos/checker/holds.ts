import type { HistoryRecord, Mode } from "../history.js";

export interface Window {
  readonly from: number;
  readonly at: number;
}

/** One acquire and what came of it, put together from the notes of its worker. */
export interface Attempt {
  readonly who: string;
  readonly id: number;
  readonly resource: string;
  readonly mode: Mode;
  readonly patience: "endless" | "timeout" | "abort";
  readonly calledAt: number;
  /** When acquire settled, either way. */
  settledAt?: number;
  token?: number;
  /** The moments at which `isHeld` was true, each only as exact as its window. */
  readonly held: Window[];
  readonly lostAt: number[];
  releasingAt?: number;
  releasedAt?: number;
  readonly records: HistoryRecord[];
}

/** The attempts of a history, in the order of their calls. */
export function attemptsOf(history: readonly HistoryRecord[]): Attempt[] {
  const attempts = new Map<string, Attempt>();
  for (const record of history) {
    if (record.is === "call") {
      const { who, id, resource, patience, at } = record;
      attempts.set(keyOf(record), {
        who,
        id,
        resource,
        mode: modeOf(record),
        patience,
        calledAt: at,
        held: [],
        lostAt: [],
        records: [record],
      });
    } else if ("id" in record) {
      const attempt = attempts.get(keyOf(record));
      if (attempt === undefined) continue;
      attempt.records.push(record);
      note(attempt, record);
    }
  }
  return [...attempts.values()];
}

function modeOf(call: HistoryRecord & { is: "call" }): Mode {
  return call.mode === "permit" ? { mode: "permit", limit: call.limit } : { mode: call.mode };
}

function keyOf({ who, id }: { who: string; id: number }): string {
  return `${who}/${id}`;
}

function note(attempt: Attempt, record: HistoryRecord): void {
  const { at } = record;
  if (record.is === "granted") attempt.token = record.token;
  if (record.is === "granted" || record.is === "rejected") attempt.settledAt ??= at;
  if (record.is === "held") attempt.held.push({ from: record.from, at });
  if (record.is === "lost") attempt.lostAt.push(at);
  if (record.is === "releasing") attempt.releasingAt = at;
  if (record.is === "released") attempt.releasedAt = at;
}

/**
 * The time in which an attempt believed for certain that it holds: from the end of its first "held" window to the beginning of
 * its last. A hold that is over never comes back, so between two such moments it was held throughout. Null: there was one
 * moment only, so no more than a window is known.
 */
export function certainty({ held }: Attempt): { readonly start: number; readonly end: number } | null {
  const [first] = held;
  const last = held.at(-1);
  if (first === undefined || last === undefined || first.at > last.from) return null;
  return { start: first.at, end: last.from };
}

/** Whether two attempts believed at the same moment, for certain. */
export function believedTogether(one: Attempt, other: Attempt): boolean {
  const [mine, theirs] = [certainty(one), certainty(other)];
  if (mine !== null && theirs !== null && Math.max(mine.start, theirs.start) < Math.min(mine.end, theirs.end)) {
    return true;
  }
  return covers(mine, other) || covers(theirs, one);
}

/** Whether some moment of belief of `other` lies within, wherever in its window it was. */
function covers(span: { start: number; end: number } | null, other: Attempt): boolean {
  return span !== null && other.held.some(({ from, at }) => from >= span.start && at <= span.end);
}

/** The lists of a map, by key. */
export function groupBy<T>(list: readonly T[], keyFor: (member: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const member of list) {
    const key = keyFor(member);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [member]);
    else group.push(member);
  }
  return groups;
}
