import { type Attempt, groupBy } from "./holds.js";
import type { Violation } from "./violation.js";

/**
 * Tokens rise strictly in the order of the grants. The order of two exclusive holds is known where the first "held" of one ended
 * before the first "held" of the other began. `before` has the highest token of each resource from earlier; what is highest
 * now goes into it.
 */
export function tokenViolations(attempts: readonly Attempt[], before: Map<string, number>): Violation[] {
  const violations: Violation[] = [];
  const granted = attempts.filter(({ token }) => token !== undefined);
  for (const [resource, group] of groupBy(granted, (attempt) => attempt.resource)) {
    violations.push(...givenTwice(resource, group));
    const exclusive = group.filter(({ mode, held }) => mode.mode === "exclusive" && held.length > 0);
    violations.push(...notRising(resource, exclusive, before.get(resource) ?? -1));
    before.set(resource, Math.max(before.get(resource) ?? -1, ...exclusive.map(({ token }) => token!)));
  }
  return violations;
}

function givenTwice(resource: string, group: readonly Attempt[]): Violation[] {
  return [...groupBy(group, ({ token }) => String(token)).values()]
    .filter((same) => same.length > 1)
    .map((same) => ({
      rule: "token given twice",
      what: `${same.map(({ who }) => who).join(" and ")} were both given token ${same[0]!.token!} of "${resource}".`,
      records: same.flatMap(({ records }) => records),
    }));
}

function notRising(resource: string, exclusive: readonly Attempt[], highestBefore: number): Violation[] {
  const violations: Violation[] = [];
  const byBegin = [...exclusive].sort((one, other) => one.held[0]!.from - other.held[0]!.from);
  const byEnd = [...exclusive].sort((one, other) => one.held[0]!.at - other.held[0]!.at);
  let settled = 0;
  let highest = highestBefore;
  let holder: Attempt | undefined;
  for (const next of byBegin) {
    for (; settled < byEnd.length && byEnd[settled]!.held[0]!.at < next.held[0]!.from; settled += 1) {
      const earlier = byEnd[settled]!;
      if (earlier.token! <= highest) continue;
      highest = earlier.token!;
      holder = earlier;
    }
    if (next.token! > highest) continue;
    violations.push({
      rule: "tokens not rising",
      what: `${next.who} was given token ${next.token!} of "${resource}" after ${holder?.who ?? "somebody"} had held ${highest}.`,
      records: [...(holder?.records ?? []), ...next.records],
    });
  }
  return violations;
}
