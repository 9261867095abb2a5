import type { HistoryRecord } from "../history.js";
import type { Attempt } from "./holds.js";
import type { Violation } from "./violation.js";

/** How long a waiter may wait, once all faults are over: the session of a dead worker has to end first. */
export const STARVATION_MS = 15_000;

/** What a worker under faults may be told, by code (and reason). All else nobody could expect. */
const EXPECTED = new Set([
  "ERR_ACQUIRE_TIMEOUT",
  "ABORTED",
  "ERR_SESSION_LOST:expired",
  "ERR_SESSION_LOST:not-connected",
  "ERR_MANAGER_CLOSED:closed",
  "ERR_LOCK_LOST:lease-over",
  "ERR_LOCK_LOST:session-expired",
  "ERR_LOCK_LOST:closed",
  "ERR_STALE_TOKEN",
  "ERR_FENCE_BUSY",
  "released",
]);
const EXPECTED_LOSSES = new Set(["lease-over", "session-expired", "closed"]);

/** Promises that never settled, waiters that starved, tickets and workers that went wrong, errors that nobody expects. */
export function livenessViolations(history: readonly HistoryRecord[], attempts: readonly Attempt[]): Violation[] {
  const gone = new Set(
    history.flatMap((record) => (record.is === "killed" || record.is === "died" ? [record.worker] : [])),
  );
  return [
    ...attempts.filter(({ who }) => !gone.has(who)).flatMap(neverSettled),
    ...starvation(history, attempts, gone),
    ...history.flatMap((record) => wrongEnds(record)),
  ];
}

function neverSettled(attempt: Attempt): Violation[] {
  const pending =
    attempt.settledAt === undefined
      ? "acquire"
      : attempt.releasingAt !== undefined && attempt.releasedAt === undefined
        ? "release"
        : undefined;
  if (pending === undefined) return [];
  const what = `The ${pending} of "${attempt.resource}" by ${attempt.who} never settled.`;
  return [{ rule: "promise never settled", what, records: attempt.records }];
}

function starvation(
  history: readonly HistoryRecord[],
  attempts: readonly Attempt[],
  gone: ReadonlySet<string>,
): Violation[] {
  const calmAt = history.find(({ is }) => is === "calm")?.at;
  const endAt = history.at(-1)?.at;
  if (calmAt === undefined || endAt === undefined) return [];
  return attempts
    .filter(({ patience, who }) => patience === "endless" && !gone.has(who))
    .flatMap((attempt) => {
      const waitedMs = (attempt.settledAt ?? endAt) - Math.max(attempt.calledAt, calmAt);
      if (waitedMs <= STARVATION_MS) return [];
      const what = `${attempt.who} waited ${Math.round(waitedMs)} ms for "${attempt.resource}" after all faults were over.`;
      return [{ rule: "starvation", what, records: attempt.records }];
    });
}

function wrongEnds(record: HistoryRecord): Violation[] {
  const records = [record];
  if (record.is === "died") {
    return [
      { rule: "worker died", what: `${record.worker} ended by itself: ${record.how}.\n${record.output}`, records },
    ];
  }
  if (record.is === "stuck") {
    return [{ rule: "promise never settled", what: `${record.worker}: ${record.why}.`, records }];
  }
  if (record.is === "left-over" && record.tickets.length > 0) {
    const what = `With all workers idle and alive there were left: ${record.tickets.join(", ")}.`;
    return [{ rule: "ticket left over", what, records }];
  }
  if (record.is === "disagreement") {
    const what = `No lock can be right on servers that disagree for good: ${record.lines.join("; ")}.`;
    return [{ rule: "servers disagree", what, records }];
  }
  const surprise = surpriseIn(record);
  return surprise === null ? [] : [{ rule: "unexpected error", what: `${record.who}: ${surprise}.`, records }];
}

/** What nobody could expect in a record, or null. */
function surpriseIn(record: HistoryRecord): string | null {
  if (record.is === "error") return `the manager raised ${record.code} (${record.message})`;
  if (record.is === "lost") return EXPECTED_LOSSES.has(record.reason) ? null : `a hold was lost: ${record.reason}`;
  if (record.is !== "rejected" && record.is !== "released" && record.is !== "refused") return null;
  const code = record.is === "released" ? record.outcome : record.code;
  return EXPECTED.has(code) ? null : `${record.is} with ${code}`;
}
