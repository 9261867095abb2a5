import type { HistoryRecord, StoredWrite } from "../history.js";
import { exclusionViolations } from "./exclusion.js";
import { attemptsOf } from "./holds.js";
import { livenessViolations } from "./liveness.js";
import { recoveries, type Recovery } from "./recovery.js";
import { tokenViolations } from "./tokens.js";
import type { Violation } from "./violation.js";
import { writeViolations } from "./writes.js";

/** What a checker found in one act. */
export interface Findings {
  readonly violations: readonly Violation[];
  readonly recoveries: readonly Recovery[];
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * Checks the history of one act after the other, each with all workers idle at its end. It knows nothing of the library: only
 * what its users noted down, and when.
 */
export class Checker {
  readonly #highestTokens = new Map<string, number>();

  /** @param book all that the store took since the beginning */
  check(history: readonly HistoryRecord[], book: readonly StoredWrite[]): Findings {
    const attempts = attemptsOf(history);
    const recovered = recoveries(history);
    const violations = [
      ...exclusionViolations(attempts),
      ...tokenViolations(attempts, this.#highestTokens),
      ...writeViolations(history, book),
      ...livenessViolations(history, attempts),
      ...recovered.violations,
    ];
    const counts: Record<string, number> = {};
    for (const record of history) {
      for (const name of countedAs(record)) counts[name] = (counts[name] ?? 0) + 1;
    }
    return { violations, recoveries: recovered.recoveries, counts };
  }
}

const COUNTED: Partial<Record<HistoryRecord["is"], string>> = {
  call: "acquires",
  granted: "grants",
  lost: "holds lost",
  accepted: "writes accepted",
  held: "beliefs noted",
  fault: "faults",
  killed: "workers killed",
  left: "workers that left",
};

/** The figures of the summary that a record counts for. */
function countedAs(record: HistoryRecord): string[] {
  const counted = COUNTED[record.is];
  const names = counted === undefined ? [] : [counted];
  if (record.is === "rejected") names.push(`acquires rejected: ${record.code}`);
  if (record.is === "lost") names.push(`holds lost: ${record.reason}`);
  if (record.is === "refused") names.push(`writes refused: ${record.code}`);
  return names;
}
