import type { ChaosResult } from "./chaos.js";
import type { Recovery } from "./checker/recovery.js";
import { groupBy } from "./checker/holds.js";
import type { Violation } from "./checker/violation.js";

/** How many lines of the history a violation shows at the most, and how many violations of a kind are shown. */
const LINES = 60;
const SHOWN = 3;

/** The summary of a run, as text for people: figures, recovery times, and each violation with its lines of the history. */
export function report({ seed, acts, seconds, evidence }: ChaosResult): string {
  const violations = acts.flatMap((act) => act.violations);
  return [
    `${Math.round(seconds)} s with seed ${seed}`,
    "",
    ...table([["", "total"], ...totals(acts.map(({ counts }) => counts))]),
    "",
    ...table([
      ["fault", "times", "first grant after, median", "longest", "all workers granted, median", "longest"],
      ...recoveryRows(acts.flatMap((act) => act.recoveries)),
    ]),
    "",
    ...(evidence === null ? ["No violation."] : verdict(violations, seed, evidence)),
  ].join("\n");
}

function verdict(violations: readonly Violation[], seed: number, evidence: string): string[] {
  const kinds = [...groupBy(violations, ({ rule }) => rule)];
  return [
    `${violations.length} VIOLATIONS (seed ${seed}; the histories are in ${evidence})`,
    ...kinds.map(([rule, group]) => `  ${rule}: ${group.length}`),
    ...kinds.flatMap(([, group]) => group.slice(0, SHOWN).flatMap(describe)),
  ];
}

/** The violations alone, for the message of a test that fails. */
export function describe({ rule, what, records }: Violation): string[] {
  const lines = records.slice(-LINES).map((record) => `    ${JSON.stringify(record)}`);
  return ["", `✖ ${rule}: ${what}`, ...lines];
}

function totals(counts: readonly Readonly<Record<string, number>>[]): string[][] {
  const names = [...new Set(counts.flatMap((count) => Object.keys(count)))].sort();
  return names.map((name) => [name, String(counts.reduce((sum, count) => sum + (count[name] ?? 0), 0))]);
}

function recoveryRows(recoveries: readonly Recovery[]): string[][] {
  return [...groupBy(recoveries, ({ kind }) => kind)]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([kind, group]) => {
      const first = group.flatMap(({ firstMs }) => firstMs ?? []);
      const all = group.flatMap(({ allMs }) => allMs ?? []);
      return [kind, String(group.length), median(first), longest(first), median(all), longest(all)];
    });
}

function median(times: readonly number[]): string {
  const middle = [...times].sort((one, other) => one - other)[Math.floor(times.length / 2)];
  return middle === undefined ? "-" : `${Math.round(middle)} ms`;
}

function longest(times: readonly number[]): string {
  return times.length === 0 ? "-" : `${Math.round(Math.max(...times))} ms`;
}

/** A Markdown table, which reads well in a terminal too. */
function table(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(" | ")} |`;
  const [head = [], ...body] = rows;
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(head), line(rule), ...body.map(line)];
}
