import fc from "fast-check";
import { SEQUENCE_LIMIT } from "../../src/zookeeper/nodes/ticket-names.js";

/** What is locked in the simulated world: one resource of each kind, a second mutex, and one that is locked in every way. */
export const RESOURCES = ["mutex", "other mutex", "document", "pool", "mixed"] as const;
export type Resource = (typeof RESOURCES)[number];
export const KINDS = ["mutex", "read", "write", "semaphore"] as const;
export type Kind = (typeof KINDS)[number];
export const PERMITS = 2;

/** How long an acquire of the schedule waits: without end, not at all, or so many milliseconds. */
export type Patience = { readonly timeout?: number; readonly abortAfterMs?: number };

/** One thing that is done to the simulated world. `process` (unless it is HOLDER) is taken modulo how many there are. */
export type Step =
  | {
      readonly do: "acquire";
      readonly process: number;
      readonly resource: number;
      /** Of KINDS, where the resource is one of several. */
      readonly kind: number;
      readonly patience: Patience;
    }
  | { readonly do: "release"; readonly process: number; readonly resource: number; readonly kind: number }
  | { readonly do: "pause"; readonly process: number; readonly forMs: number; readonly machineSleeps: boolean }
  /** `trap`: a send runs into the dead socket before the client has heard of it. */
  | { readonly do: "disconnect"; readonly process: number; readonly forMs: number; readonly trap: boolean }
  | { readonly do: "partition"; readonly process: number; readonly way: "both" | "up" | "down"; readonly forMs: number }
  | {
      readonly do: "dropReply";
      readonly process: number;
      readonly operation: "create" | "delete" | "children" | "any";
      readonly keepOpen: boolean;
    }
  | { readonly do: "delay"; readonly process: number; readonly replyMs: number }
  | { readonly do: "expire"; readonly process: number }
  /** Takes locks until the process's session has as many tickets as it may have; the next time it gives them back. */
  | { readonly do: "fill"; readonly process: number }
  /** From its next connection on, the process is served by this server. */
  | { readonly do: "attach"; readonly process: number; readonly server: number }
  | { readonly do: "isolate"; readonly forMs: number }
  | { readonly do: "lag"; readonly transactions: number }
  | { readonly do: "elect" }
  | { readonly do: "reap" }
  /** An administrator deletes a ticket that waits: the last one of a queue. */
  | { readonly do: "deleteTicket"; readonly queue: number }
  /** An administrator deletes a ticket that holds: the first one of a queue. `cuts`: right after its owner has reconnected. */
  | { readonly do: "forceRelease"; readonly queue: number; readonly cuts: boolean }
  | { readonly do: "jumpClock"; readonly process: number; readonly byMs: number };

/** Each step comes so many milliseconds after the one before it. */
export interface TimedStep {
  readonly afterMs: number;
  readonly step: Step;
}

export interface Schedule {
  /** Of the world itself: latencies, orders, coins. */
  readonly seed: number;
  readonly processes: number;
  /** A bit for each process: set for those whose managers own their sessions, as those of `connect` do. */
  readonly owners: number;
  /** What FOCUS stands for. */
  readonly focus: number;
  readonly steps: readonly TimedStep[];
  /**
   * Whether machines sleep in it, or wall clocks are set back. Both at once leave no trace on any clock that a process has, and
   * nothing is promised then but the fence.
   */
  readonly machinesSleep: boolean;
  /** Small: directories are retired in the middle of it. */
  readonly sequenceLimit: number;
}

/** Who it happens to: by number, or whoever holds something at the moment, which is where it hurts. */
export const HOLDER = 8;
const process = fc.nat(7);
const victim = fc.oneof({ weight: 1, arbitrary: process }, { weight: 2, arbitrary: fc.constant(HOLDER) });
/** Which resource: by number, or the one that the schedule is mostly about, so that each kind gets into deep water. */
export const FOCUS = RESOURCES.length;
const resource = fc.oneof(
  { weight: 3, arbitrary: fc.constant(FOCUS) },
  { weight: 2, arbitrary: fc.nat(RESOURCES.length - 1) },
);
const kind = fc.nat(KINDS.length - 1);
export const LONGEST_OUTAGE_MS = 9_000;
/** Around the session timeout of the simulated world (4 s), below it and above. */
const outageMs = fc.oneof(
  fc.integer({ min: 1, max: 400 }),
  fc.integer({ min: 400, max: 4_000 }),
  fc.integer({ min: 4_000, max: LONGEST_OUTAGE_MS }),
);

const patience: fc.Arbitrary<Patience> = fc.oneof(
  { weight: 5, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ timeout: 0 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3_000 }).map((timeout) => ({ timeout })) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 1_000 }).map((abortAfterMs) => ({ abortAfterMs })) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant("acquire" as const), process, resource, kind, patience }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("release" as const), process: victim, resource, kind }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("pause" as const),
      process: victim,
      forMs: outageMs,
      machineSleeps: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("disconnect" as const),
      process: victim,
      forMs: outageMs,
      trap: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("partition" as const),
      process: victim,
      way: fc.constantFrom("both", "up", "down"),
      forMs: outageMs,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("dropReply" as const),
      process: victim,
      operation: fc.constantFrom("create", "delete", "children", "any"),
      keepOpen: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("delay" as const),
      process: victim,
      replyMs: fc.oneof(fc.constant(0), fc.nat(3_500)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("expire" as const), process }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fill" as const), process: victim }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("attach" as const), process: victim, server: fc.nat(1) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("isolate" as const), forMs: outageMs }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lag" as const), transactions: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("elect" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("reap" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("deleteTicket" as const), queue: fc.nat(RESOURCES.length - 1) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("forceRelease" as const),
      queue: fc.nat(RESOURCES.length - 1),
      cuts: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("jumpClock" as const),
      process: victim,
      byMs: fc.integer({ min: -20_000, max: 20_000 }),
    }),
  },
);

export const schedules: fc.Arbitrary<Schedule> = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  processes: fc.oneof(fc.constant(2), fc.integer({ min: 2, max: 8 })),
  owners: fc.nat(255),
  focus: fc.nat(RESOURCES.length - 1),
  steps: fc.array(fc.record({ afterMs: fc.oneof(fc.nat(20), fc.nat(1_000)), step }), {
    minLength: 5,
    maxLength: 60,
    size: "max",
  }),
  machinesSleep: fc.boolean(),
  sequenceLimit: fc.constantFrom(3, 8, SEQUENCE_LIMIT),
});
