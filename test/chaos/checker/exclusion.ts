import { type Attempt, believedTogether, certainty, groupBy } from "./holds.js";
import type { Violation } from "./violation.js";

/** Two that exclude each other and both believe; more permits than there are; a belief that comes back after a loss. */
export function exclusionViolations(attempts: readonly Attempt[]): Violation[] {
  const believers = attempts.filter(({ held }) => held.length > 0);
  const violations = believers.flatMap(beliefAfterLoss);
  for (const [resource, group] of groupBy(believers, (attempt) => attempt.resource)) {
    const permits = group.filter(({ mode }) => mode.mode === "permit");
    violations.push(
      ...pairs(
        resource,
        group.filter(({ mode }) => mode.mode !== "permit"),
      ),
      ...tooManyPermits(resource, permits),
    );
  }
  return violations;
}

function beliefAfterLoss(attempt: Attempt): Violation[] {
  const [lostAt] = attempt.lostAt;
  if (lostAt === undefined || attempt.held.every(({ from }) => from <= lostAt)) return [];
  return [
    {
      rule: "belief came back",
      what: `${attempt.who} was told that it had lost "${attempt.resource}", and its lock said later that it was held.`,
      records: attempt.records,
    },
  ];
}

function pairs(resource: string, group: readonly Attempt[]): Violation[] {
  const violations: Violation[] = [];
  let active: Attempt[] = [];
  for (const next of [...group].sort((one, other) => one.held[0]!.from - other.held[0]!.from)) {
    active = active.filter((attempt) => attempt.held.at(-1)!.at > next.held[0]!.from);
    for (const attempt of active) {
      if (attempt.mode.mode === "shared" && next.mode.mode === "shared") continue;
      if (!believedTogether(attempt, next)) continue;
      violations.push({
        rule: "two holders at a time",
        what:
          `${attempt.who} (token ${attempt.token ?? "?"}, ${attempt.mode.mode}) and ${next.who} ` +
          `(token ${next.token ?? "?"}, ${next.mode.mode}) both believed that they hold "${resource}".`,
        records: [...attempt.records, ...next.records].sort((one, other) => one.at - other.at),
      });
    }
    active.push(next);
  }
  return violations;
}

function tooManyPermits(resource: string, group: readonly Attempt[]): Violation[] {
  const ends = group
    .flatMap((attempt) => {
      const span = certainty(attempt);
      if (span === null || span.start >= span.end) return [];
      return [
        { at: span.start, step: 1, attempt },
        { at: span.end, step: -1, attempt },
      ];
    })
    // Who leaves at the very moment when another comes makes room for it.
    .sort((one, other) => one.at - other.at || one.step - other.step);
  const inside = new Set<Attempt>();
  for (const { step, attempt } of ends) {
    if (step < 0) inside.delete(attempt);
    else inside.add(attempt);
    const limit = attempt.mode.mode === "permit" ? attempt.mode.limit : Infinity;
    if (inside.size <= limit) continue;
    return [
      {
        rule: "two holders at a time",
        what: `${inside.size} believed at the same moment that they hold one of the ${limit} permits of "${resource}".`,
        records: [...inside].flatMap(({ records }) => records).sort((one, other) => one.at - other.at),
      },
    ];
  }
  return [];
}
