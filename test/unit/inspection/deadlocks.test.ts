import { expect, test } from "@jest/globals";
import { findCycles } from "../../../src/inspection/deadlocks.js";
import type { ResourceStatus, TicketStatus } from "../../../src/index.js";

/** A resource with these sessions in its queue. */
function resource(name: string, holders: readonly string[], waiters: readonly string[]): ResourceStatus {
  const ticket = (sessionId: string, position: number): TicketStatus => ({
    position,
    token: position,
    sequence: position,
    since: new Date(0),
    queuedSince: new Date(0),
    sessionId,
    shared: false,
  });
  return { resource: name, kind: "mutex", holders: holders.map(ticket), waiters: waiters.map(ticket) };
}

/** Each circle as `holder waits-for …`, begun at its first name. */
function circles(resources: readonly ResourceStatus[]): string[] {
  return findCycles(resources)
    .map((circle) =>
      circle
        .map(({ sessionId, waitsFor }) => `${sessionId}→${waitsFor}`)
        .sort()
        .join(" "),
    )
    .sort();
}

test("two circles are two, a process in both of them included", () => {
  const found = circles([
    resource("p", ["a"], ["b"]),
    resource("q", ["b"], ["a"]),
    resource("r", ["a"], ["c"]),
    resource("s", ["c"], ["a"]),
  ]);
  expect(found).toEqual(["a→q b→p", "a→s c→r"]);
});

test("who waits for a circle is no part of it", () => {
  expect(
    circles([resource("p", ["a"], ["b", "x"]), resource("q", ["b"], ["a", "y"]), resource("r", ["x"], ["y"])]),
  ).toEqual(["a→q b→p"]);
});

test("a process that waits behind itself is no circle of processes", () => {
  expect(circles([resource("p", ["a"], ["a", "b"])])).toEqual([]);
});

test("hundreds of processes that all wait for each other are looked through in no time", () => {
  const sessions = Array.from({ length: 60 }, (_, index) => `s${index}`);
  const tangle = sessions.map((session, index) =>
    resource(
      `r${index}`,
      [session],
      sessions.filter((other) => other !== session),
    ),
  );
  const startedAt = performance.now();
  const found = findCycles(tangle);
  expect(found.every((circle) => circle.length === 2)).toBe(true);
  expect(found).toHaveLength((60 * 59) / 2);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});
