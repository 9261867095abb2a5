import fc from "fast-check";

/** What is locked in the simulated world: one resource of each kind, and a second mutex. */
export const RESOURCES = ["mutex", "other mutex", "document", "pool"] as const;
export const PERMITS = 2;

/** How long an acquire of the schedule waits: without end, not at all, or so many milliseconds. */
export type Patience = { readonly timeout?: number; readonly abortAfterMs?: number };

/** One thing that is done to the simulated world. `process` and `resource` are taken modulo how many there are. */
export type Step =
  | { readonly do: "acquire"; readonly process: number; readonly resource: number; readonly writes: boolean; readonly patience: Patience }
  | { readonly do: "release"; readonly process: number; readonly resource: number; readonly writes: boolean }
  | { readonly do: "pause"; readonly process: number; readonly forMs: number; readonly machineSleeps: boolean }
  | { readonly do: "disconnect"; readonly process: number; readonly forMs: number }
  | { readonly do: "partition"; readonly process: number; readonly way: "both" | "up" | "down"; readonly forMs: number }
  | { readonly do: "dropReply"; readonly process: number; readonly operation: "create" | "delete" | "children" | "any"; readonly keepOpen: boolean }
  | { readonly do: "delay"; readonly process: number; readonly replyMs: number }
  | { readonly do: "expire"; readonly process: number }
  | { readonly do: "isolate"; readonly forMs: number }
  | { readonly do: "lag"; readonly transactions: number }
  | { readonly do: "elect" }
  | { readonly do: "reap" }
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
  readonly steps: readonly TimedStep[];
  /** Small: directories are retired in the middle of it. */
  readonly sequenceLimit: number;
}

const process = fc.nat(7);
const resource = fc.nat(RESOURCES.length - 1);
/** Around the session timeout of the simulated world (4 s), below it and above. */
const outageMs = fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 400, max: 9_000 }));

const patience: fc.Arbitrary<Patience> = fc.oneof(
  fc.constant({}),
  fc.constant({ timeout: 0 }),
  fc.integer({ min: 1, max: 3_000 }).map((timeout) => ({ timeout })),
  fc.integer({ min: 0, max: 1_000 }).map((abortAfterMs) => ({ abortAfterMs })),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant("acquire" as const), process, resource, writes: fc.boolean(), patience }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant("release" as const), process, resource, writes: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pause" as const), process, forMs: outageMs, machineSleeps: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("disconnect" as const), process, forMs: outageMs }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("partition" as const), process, way: fc.constantFrom("both", "up", "down"), forMs: outageMs }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("dropReply" as const),
      process,
      operation: fc.constantFrom("create", "delete", "children", "any"),
      keepOpen: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delay" as const), process, replyMs: fc.nat(1_500) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("expire" as const), process }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("isolate" as const), forMs: outageMs }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lag" as const), transactions: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("elect" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("reap" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("jumpClock" as const), process, byMs: fc.integer({ min: -20_000, max: 20_000 }) }) },
);

export const schedules: fc.Arbitrary<Schedule> = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  processes: fc.integer({ min: 2, max: 6 }),
  steps: fc.array(fc.record({ afterMs: fc.oneof(fc.nat(20), fc.nat(1_000)), step }), { minLength: 5, maxLength: 60 }),
  sequenceLimit: fc.constantFrom(3, 8, 2_000_000_000),
});
