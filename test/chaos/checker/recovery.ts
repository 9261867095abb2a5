import type { HistoryRecord } from "../history.js";
import type { Violation } from "./violation.js";

/** How long it may take until every worker is granted something again, once a fault is over and no other is in force. */
export const RECOVERY_LIMIT_MS = 30_000;

/** How long it took to recover from a fault, or from several at once. */
export interface Recovery {
  readonly kind: string;
  /** From the end of the (last) fault to the first grant after it, of anybody, in milliseconds. */
  readonly firstMs: number | null;
  /** The same, until every worker that is there has been granted something; null: another fault came before. */
  readonly allMs: number | null;
}

/** The servers stand still by themselves: no fault of ours, and nothing that a client could recover from. */
export const JAMMED = "ensemble jammed by itself";
const SEVERAL = "several at once";

/** The recoveries of a history, and the faults from which there was none in time. */
export function recoveries(history: readonly HistoryRecord[]): { recoveries: Recovery[]; violations: Violation[] } {
  const found: Recovery[] = [];
  const violations: Violation[] = [];
  const living = new Set<string>();
  const inForce = new Set<number>();
  let kind: string | null = null;
  for (const [index, record] of history.entries()) {
    if (record.is === "started") living.add(record.worker);
    if (record.is === "killed" || record.is === "died" || record.is === "left") living.delete(record.worker);
    if (record.is === "fault") {
      inForce.add(record.fault);
      kind = kind === null ? record.kind : SEVERAL;
    }
    if (record.is !== "healed") continue;
    inForce.delete(record.fault);
    if (inForce.size > 0) continue;
    const { firstMs, allMs, untilMs, isJammed } = afterwards(history, index, new Set(living));
    found.push({ kind: kind ?? record.kind, firstMs, allMs });
    kind = null;
    if (isJammed || (allMs ?? untilMs) <= RECOVERY_LIMIT_MS) continue;
    violations.push({
      rule: "no recovery",
      what: `After "${record.kind}" not every worker was granted something within ${Math.round(untilMs)} ms.`,
      records: [record, ...history.filter(({ is }) => is === "diagnosis")],
    });
  }
  return { recoveries: found, violations };
}

/** What happens from a fault's end until all have recovered, the next fault begins, or the work is over. */
function afterwards(
  history: readonly HistoryRecord[],
  index: number,
  waiting: Set<string>,
): { firstMs: number | null; allMs: number | null; untilMs: number; isJammed: boolean } {
  const healedAt = history[index]!.at;
  let firstMs: number | null = null;
  let untilMs = 0;
  for (let next = index + 1; next < history.length; next += 1) {
    const record = history[next]!;
    untilMs = record.at - healedAt;
    if (record.is === "fault" && record.kind === JAMMED) return { firstMs, allMs: null, untilMs, isJammed: true };
    if (record.is === "fault" || record.is === "draining") break;
    if (record.is !== "granted") continue;
    firstMs ??= untilMs;
    waiting.delete(record.who);
    if (waiting.size === 0) return { firstMs, allMs: untilMs, untilMs, isJammed: false };
  }
  return { firstMs, allMs: null, untilMs, isJammed: false };
}
