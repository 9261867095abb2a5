import { expect, test } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Checker } from "../../chaos/checker/check.js";
import { STARVATION_MS } from "../../chaos/checker/liveness.js";
import { JAMMED, RECOVERY_LIMIT_MS } from "../../chaos/checker/recovery.js";
import {
  type HarnessNote,
  HistoryFile,
  type HistoryRecord,
  type Mode,
  readHistory,
  type StoredWrite,
  type WorkerNote,
} from "../../chaos/history.js";
import { disagreements } from "../../chaos/views.js";

const at = (time: number, who: string, note: WorkerNote | HarnessNote): HistoryRecord => ({ at: time, who, ...note });

interface HoldStory {
  who: string;
  id?: number;
  token: number;
  resource?: string;
  mode?: Mode;
  /** From its first "held" to its last. */
  from: number;
  to: number;
}

/** A hold as a worker notes it down: two moments of belief, each with a window of a tenth. */
function hold({ who, id = 1, token, resource = "r", mode = { mode: "exclusive" }, from, to }: HoldStory) {
  return [
    at(from - 2, who, { is: "call", id, resource, patience: "endless", ...mode }),
    at(from - 1, who, { is: "granted", id, token }),
    at(from + 0.1, who, { is: "held", id, from }),
    at(to, who, { is: "held", id, from: to - 0.1 }),
    at(to + 1, who, { is: "releasing", id }),
    at(to + 2, who, { is: "released", id, outcome: "released" }),
  ];
}

function violations(history: HistoryRecord[], book: StoredWrite[] = []): string[] {
  const inOrder = [...history].sort((one, other) => one.at - other.at);
  return new Checker().check(inOrder, book).violations.map(({ rule }) => rule);
}

const permit: Mode = { mode: "permit", limit: 2 };
const stored = (write: string, token: number, base: number, resource = "r"): StoredWrite => ({
  write,
  token,
  base,
  resource,
});

test("a history without a fault passes", () => {
  const history = [
    ...hold({ who: "a", token: 1, from: 10, to: 20 }),
    ...hold({ who: "b", token: 2, from: 30, to: 40 }),
    ...hold({ who: "a", id: 2, token: 3, from: 50, to: 60 }),
    at(15, "a", { is: "write", id: 1, write: "a/1" }),
    at(16, "a", { is: "accepted", id: 1, write: "a/1" }),
    at(70, "harness", { is: "left-over", tickets: [] }),
  ];
  expect(violations(history, [stored("a/1", 1, 0)])).toEqual([]);
});

test("two exclusive holders that believe at the same moment are found", () => {
  expect(
    violations([...hold({ who: "a", token: 1, from: 10, to: 31 }), ...hold({ who: "b", token: 2, from: 30, to: 40 })]),
  ).toEqual(["two holders at a time"]);
});

test("a single moment of belief within somebody else's hold is found", () => {
  const [call, granted, held] = hold({ who: "b", token: 2, from: 15, to: 16 });
  const killed = at(17, "harness", { is: "killed", worker: "b" });
  expect(violations([...hold({ who: "a", token: 1, from: 10, to: 20 }), call!, granted!, held!, killed])).toEqual([
    "two holders at a time",
  ]);
});

test("a moment of belief whose window reaches out of the other's hold proves nothing", () => {
  const [call, granted] = hold({ who: "b", token: 2, from: 15, to: 16 });
  // Stopped between asking and reading the clock: it may have been true before the other believed.
  const held = at(18, "b", { is: "held", id: 1, from: 9 });
  const killed = at(19, "harness", { is: "killed", worker: "b" });
  expect(violations([...hold({ who: "a", token: 3, from: 10, to: 20 }), call!, granted!, held, killed])).toEqual([]);
});

test("readers may hold together, a writer and a reader may not", () => {
  const shared: Mode = { mode: "shared" };
  const readers = [
    ...hold({ who: "a", token: 1, mode: shared, from: 10, to: 20 }),
    ...hold({ who: "b", token: 2, mode: shared, from: 12, to: 22 }),
  ];
  expect(violations(readers)).toEqual([]);
  expect(violations([...readers, ...hold({ who: "c", token: 3, from: 21, to: 30 })])).toEqual([
    "two holders at a time",
  ]);
});

test("more permits at a time than there are is found", () => {
  const two = [
    ...hold({ who: "a", token: 1, mode: permit, from: 10, to: 20 }),
    ...hold({ who: "b", token: 2, mode: permit, from: 12, to: 22 }),
  ];
  expect(violations(two)).toEqual([]);
  expect(violations([...two, ...hold({ who: "c", token: 3, mode: permit, from: 15, to: 30 })])).toEqual([
    "two holders at a time",
  ]);
});

test("different resources do not exclude each other", () => {
  expect(
    violations([
      ...hold({ who: "a", token: 1, resource: "r", from: 10, to: 30 }),
      ...hold({ who: "b", token: 1, resource: "s", from: 10, to: 30 }),
    ]),
  ).toEqual([]);
});

test("a belief that comes back after the loss is found", () => {
  const lost = at(15, "a", { is: "lost", id: 1, reason: "lease-over" });
  expect(violations([...hold({ who: "a", token: 1, from: 10, to: 20 }), lost])).toEqual(["belief came back"]);
});

test("a token that is lower than an earlier holder's is found", () => {
  expect(
    violations([...hold({ who: "a", token: 7, from: 10, to: 20 }), ...hold({ who: "b", token: 6, from: 30, to: 40 })]),
  ).toEqual(["tokens not rising"]);
});

test("a token that is lower than one of an earlier act is found", () => {
  const checker = new Checker();
  expect(checker.check(hold({ who: "a", token: 7, from: 10, to: 20 }), []).violations).toEqual([]);
  const second = checker.check(hold({ who: "b", token: 6, from: 30, to: 40 }), []);
  expect(second.violations.map(({ rule }) => rule)).toEqual(["tokens not rising"]);
});

test("a token that is given twice is found, of a permit too", () => {
  expect(
    violations([
      ...hold({ who: "a", token: 5, mode: permit, from: 10, to: 20 }),
      ...hold({ who: "b", token: 5, mode: permit, from: 12, to: 22 }),
    ]),
  ).toEqual(["token given twice"]);
});

test("a stale write that the store accepted is found", () => {
  expect(violations([], [stored("a/1", 2, 0), stored("b/1", 1, 1)])).toEqual(["stale write accepted"]);
});

test("a write that undid another is found", () => {
  expect(violations([], [stored("a/1", 1, 0), stored("b/1", 2, 0)])).toEqual(["write lost"]);
});

test("an accepted write that the store does not have is found", () => {
  const history = [
    ...hold({ who: "a", token: 1, from: 10, to: 20 }),
    at(15, "a", { is: "write", id: 1, write: "a/1" }),
    at(16, "a", { is: "accepted", id: 1, write: "a/1" }),
  ];
  expect(violations(history, [])).toEqual(["write lost"]);
});

test("a write that was committed by a worker killed before it could note that down is no fault", () => {
  const history = [at(15, "a", { is: "write", id: 1, write: "a/1" }), at(16, "harness", { is: "killed", worker: "a" })];
  expect(violations(history, [stored("a/1", 1, 0)])).toEqual([]);
});

test("an acquire that starves after all faults are over is found, one that waits under faults is none", () => {
  const granted = 100 + STARVATION_MS + 10;
  const history = hold({ who: "a", token: 1, from: granted, to: granted + 5 });
  const call = at(50, "a", { is: "call", id: 1, resource: "r", patience: "endless", mode: "exclusive" });
  const waiting = [call, ...history.slice(1)];
  expect(violations([...waiting, at(100, "harness", { is: "calm" })])).toEqual(["starvation"]);
  expect(violations([...waiting, at(granted - 100, "harness", { is: "calm" })])).toEqual([]);
});

test("an acquire and a release that never settle are found, unless the worker was killed", () => {
  const call = at(10, "a", { is: "call", id: 1, resource: "r", patience: "timeout", mode: "exclusive" });
  const unreleased = hold({ who: "b", token: 1, from: 10, to: 20 }).slice(0, -1);
  expect(violations([call])).toEqual(["promise never settled"]);
  expect(violations(unreleased)).toEqual(["promise never settled"]);
  expect(violations([call, at(11, "harness", { is: "killed", worker: "a" })])).toEqual([]);
});

test("a worker that cannot be drained is found", () => {
  expect(violations([at(10, "harness", { is: "stuck", worker: "a", why: "it did not drain" })])).toEqual([
    "promise never settled",
  ]);
});

test("a worker that died by itself is found, one that was killed is none", () => {
  expect(violations([at(10, "harness", { is: "killed", worker: "a" })])).toEqual([]);
  expect(violations([at(10, "harness", { is: "died", worker: "a", how: "SIGABRT", output: "" })])).toEqual([
    "worker died",
  ]);
});

test("tickets that are left over are found", () => {
  expect(violations([at(10, "harness", { is: "left-over", tickets: ["r/x-lock-0000000001"] })])).toEqual([
    "ticket left over",
  ]);
});

test("what one server shows and another does not is named, with who shows it", () => {
  const view = (server: string, ...tickets: string[]) => ({ server, tickets, empty: [] });
  expect(disagreements([view("a", "r/1"), view("b", "r/1"), view("c", "r/1")])).toEqual([]);
  expect(disagreements([view("a", "r/1", "r/2"), view("b", "r/1"), view("c", "r/1", "r/2")])).toEqual([
    "r/2 is shown by a, c only",
  ]);
});

test("servers that disagree are found", () => {
  const lines = ["r/x-lock-0000000001 is shown by a only"];
  expect(violations([at(10, "harness", { is: "disagreement", lines })])).toEqual(["servers disagree"]);
});

test("errors that nobody expects are found: of an acquire, a release, a loss, the manager", () => {
  const call = at(9, "a", { is: "call", id: 1, resource: "r", patience: "endless", mode: "exclusive" });
  const rejectedWith = (code: string): HistoryRecord[] => [
    call,
    at(10, "a", { is: "rejected", id: 1, code, message: "" }),
  ];
  expect(violations(rejectedWith("ERR_SESSION_LOST:expired"))).toEqual([]);
  expect(violations(rejectedWith("TypeError"))).toEqual(["unexpected error"]);
  expect(violations(rejectedWith("ERR_LOCK_LOST:ticket-gone"))).toEqual(["unexpected error"]);
  expect(violations([at(10, "a", { is: "released", id: 1, outcome: "nothing" })])).toEqual(["unexpected error"]);
  expect(violations([at(10, "a", { is: "lost", id: 1, reason: "ticket-gone" })])).toEqual(["unexpected error"]);
  expect(violations([at(10, "a", { is: "error", code: "ERR_LOCK", message: "" })])).toEqual(["unexpected error"]);
});

test("recovery is measured from the end of a fault to the grants after it", () => {
  const history = [
    at(1, "harness", { is: "started", worker: "a", pid: 1 }),
    at(1, "harness", { is: "started", worker: "b", pid: 2 }),
    at(5, "harness", { is: "fault", fault: 1, kind: "cut", target: "all" }),
    at(10, "harness", { is: "healed", fault: 1, kind: "cut" }),
    at(40, "b", { is: "granted", id: 1, token: 1 }),
    at(60, "a", { is: "granted", id: 1, token: 2 }),
    at(70, "harness", { is: "draining" }),
  ];
  expect(new Checker().check(history, []).recoveries).toEqual([{ kind: "cut", firstMs: 30, allMs: 50 }]);
});

test("a worker that is granted nothing any more after a fault is found", () => {
  const late = 10 + RECOVERY_LIMIT_MS + 1;
  const history = [
    at(1, "harness", { is: "started", worker: "a", pid: 1 }),
    at(5, "harness", { is: "fault", fault: 1, kind: "cut", target: "all" }),
    at(10, "harness", { is: "healed", fault: 1, kind: "cut" }),
  ];
  expect(violations([...history, at(late, "harness", { is: "draining" })])).toEqual(["no recovery"]);
  // The servers themselves stood still.
  expect(violations([...history, at(late, "harness", { is: "fault", fault: 0, kind: JAMMED, target: "" })])).toEqual(
    [],
  );
  // The next fault came before one could tell.
  expect(violations([...history, at(100, "harness", { is: "fault", fault: 2, kind: "slow", target: "" })])).toEqual([]);
});

test("a history is read from all files, in the order of time, without the half line of a worker that was killed", () => {
  const directory = mkdtempSync(join(tmpdir(), "zk-lock-history-"));
  try {
    const first = new HistoryFile<WorkerNote>(directory, "a");
    first.note(2, { is: "granted", id: 1, token: 5 });
    first.close();
    const second = new HistoryFile<HarnessNote>(directory, "harness");
    second.note(1, { is: "calm" });
    second.close();
    writeFileSync(join(directory, "b.jsonl"), '{"at":3,"who":"b","is":"rele');
    expect(readHistory(directory)).toEqual([
      { at: 1, who: "harness", is: "calm" },
      { at: 2, who: "a", is: "granted", id: 1, token: 5 },
    ]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
