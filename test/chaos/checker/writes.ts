import type { HistoryRecord, StoredWrite } from "../history.js";
import { groupBy } from "./holds.js";
import type { Violation } from "./violation.js";

/**
 * The store's book against the history: tokens never fall, each write builds on the one before it, and every write that a worker
 * was told to be accepted stands in it. `book` is the whole book, from the first act on.
 */
export function writeViolations(history: readonly HistoryRecord[], book: readonly StoredWrite[]): Violation[] {
  const notes = groupBy(
    history.filter((record) => "write" in record),
    ({ write }) => write,
  );
  const violations: Violation[] = [];
  for (const [resource, writes] of groupBy(book, (write) => write.resource)) {
    for (const [place, write] of writes.entries()) {
      const previous = writes[place - 1];
      const records = [previous?.write, write.write].flatMap((name) => notes.get(name ?? "") ?? []);
      if (previous !== undefined && write.token < previous.token) {
        violations.push({
          rule: "stale write accepted",
          what: `The store took "${write.write}" (token ${write.token}) of "${resource}" after "${previous.write}" (token ${previous.token}).`,
          records,
        });
      }
      if (write.base !== place) {
        violations.push({
          rule: "write lost",
          what: `"${write.write}" of "${resource}" built on ${write.base}, when there were ${place} writes: it undid what came between.`,
          records,
        });
      }
    }
  }
  const stored = new Set(book.map(({ write }) => write));
  for (const record of history) {
    if (record.is !== "accepted" || stored.has(record.write)) continue;
    violations.push({
      rule: "write lost",
      what: `${record.who} was told that "${record.write}" was accepted, and the store does not have it.`,
      records: notes.get(record.write) ?? [],
    });
  }
  return violations;
}
