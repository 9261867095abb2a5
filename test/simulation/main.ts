import { parseArgs } from "node:util";
import fc from "fast-check";
import { schedules } from "./schedule.js";
import { simulate } from "./world.js";

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    seed: { type: "string" },
    path: { type: "string" },
    shrink: { type: "boolean" },
  },
});
const numRuns = Number(values.seeds ?? 2_000);
const startedAt = performance.now();
let grants = 0;
let runs = 0;

await fc.assert(
  fc.asyncProperty(schedules, async (schedule) => {
    const observer = await simulate(schedule);
    grants += observer.grants;
    runs += 1;
    if (runs % 1_000 === 0)
      console.log(`${runs} schedules, ${grants} grants, ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  }),
  {
    numRuns,
    endOnFailure: values.shrink !== true,
    ...(values.seed !== undefined && { seed: Number(values.seed) }),
    ...(values.path !== undefined && { path: values.path }),
  },
);
console.log(
  `${runs} schedules, ${grants} grants, no promise broken, ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`,
);
