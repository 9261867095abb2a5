import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../helpers/until.js";
import { Checker, type Findings } from "./checker/check.js";
import { JAMMED, RECOVERY_LIMIT_MS } from "./checker/recovery.js";
import { nowMs } from "./clock.js";
import { bringAllUp, strike } from "./faults.js";
import { readHistory } from "./history.js";
import { type PlannedFault, type Round, Schedule } from "./schedule.js";
import { disagreements, type View } from "./views.js";
import { SESSION_MS, World } from "./world.js";

export interface ChaosOptions {
  readonly seed: number;
  /** How long faults go on, in seconds; what the last act needs to come to rest comes on top. */
  readonly seconds: number;
  readonly workers?: number;
  /** How many tasks of each worker lock at the same time; one of them holds for seconds. Default 3. */
  readonly lanes?: number;
  /** Hears what happens, line by line. */
  readonly onProgress?: (line: string) => void;
  /** Ends the run early, as if its time were over. */
  readonly signal?: AbortSignal;
}

export interface ChaosResult {
  readonly seed: number;
  readonly acts: readonly Findings[];
  readonly seconds: number;
  /** Where the histories and the store are to be found, of a run that broke a promise. */
  readonly evidence: string | null;
}

/** After so long all workers come to rest, so that what they leave behind is seen, and the history is checked. */
const ACT_MS = 60_000;
/** Recovery takes less, so after that it is asked whether the servers are alive at all. */
const SUSPICIOUS_MS = 12_000;
/** The number of a fault that is not of our making; the others begin with 1. */
const BY_ITSELF = 0;
/** All that the sessions of the dead need to end, and the servers to agree on it. */
const TICKETS_GO_WITHIN_MS = SESSION_MS + 4_000;

/** Runs workers under a schedule of faults that the seed decides, act after act; ends early when one was violated. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, seconds, workers = 5, lanes = 3, onProgress = () => undefined, signal } = options;
  const world = await World.create({ seed, workers, lanes });
  const schedule = new Schedule(seed);
  const checker = new Checker();
  const acts: Findings[] = [];
  const startedMs = nowMs();
  const endMs = startedMs + seconds * 1_000;
  const isOver = (): boolean => nowMs() > endMs || signal?.aborted === true;
  let isSound = true;
  try {
    while (isSound && !isOver()) {
      const directory = join(world.directory, `act-${acts.length + 1}`);
      mkdirSync(directory);
      const actEndMs = Math.min(nowMs() + ACT_MS, endMs);
      await runAct(world, schedule, directory, () => nowMs() > actEndMs || isOver(), onProgress);
      const findings = checker.check(readHistory(directory), world.store.book());
      acts.push(findings);
      isSound = findings.violations.length === 0;
      if (isSound) rmSync(directory, { recursive: true });
      onProgress(
        `act ${acts.length}: ${findings.counts["grants"] ?? 0} grants, ${findings.counts["faults"] ?? 0} faults, ` +
          `${findings.violations.length} violations`,
      );
    }
    const evidence = isSound ? null : world.directory;
    return { seed, acts, seconds: (nowMs() - startedMs) / 1_000, evidence };
  } finally {
    await world.destroy({ keep: !isSound });
  }
}

/** Rounds of faults, and then a rest in which everything has to come to its end. */
async function runAct(
  world: World,
  schedule: Schedule,
  directory: string,
  isOver: () => boolean,
  onProgress: (line: string) => void,
): Promise<void> {
  await world.beginAct(directory);
  await recovered(world);
  for (let fault = 0; !isOver();) {
    await reviveServers(world);
    const round = schedule.next();
    onProgress(describe(round));
    await Promise.all(round.faults.map((planned) => befall(world, planned, (fault += 1))));
    if (round.isFollowedByRest) await recovered(world);
  }
  await recovered(world);
  world.note({ is: "calm" });
  world.note({ is: "draining" });
  await drained(world);
  await lookForTicketsLeft(world);
  world.note({ is: "end" });
}

async function befall(world: World, planned: PlannedFault, fault: number): Promise<void> {
  await sleep(planned.delayMs);
  const inForce = await strike(world, planned);
  world.note({ is: "fault", fault, kind: planned.kind, target: inForce.target });
  await sleep(planned.lastsMs);
  await inForce.heal();
  world.note({ is: "healed", fault, kind: planned.kind });
}

/**
 * Every worker has been granted something since we began to look, or the limit is over: which the checker will see. Where it is
 * the servers that do not come back, without any library in between, their leader is restarted.
 */
async function recovered(world: World): Promise<void> {
  const before = await world.crew.grants();
  const haveAll = async (): Promise<boolean> =>
    [...(await world.crew.grants())].every(([name, grants]) => grants > (before.get(name) ?? 0));
  const wait = (timeoutMs: number): Promise<boolean> =>
    until(haveAll, { what: "all workers to be granted something", timeoutMs, everyMs: 50 }).catch(() => false);
  if (await wait(SUSPICIOUS_MS)) return;
  if (!(await world.canCommit())) await endJam(world);
  if (await wait(RECOVERY_LIMIT_MS)) return;
  await noteDiagnosis(world);
}

/** A server can end by itself, some time after it was stopped and went on. */
async function reviveServers(world: World): Promise<void> {
  for (const server of world.ensemble.servers.filter(({ pid }) => pid === undefined)) {
    world.note({ is: "diagnosis", lines: [server.logTail()] });
    world.note({ is: "fault", fault: BY_ITSELF, kind: "server ended by itself", target: server.connectString });
    await bringAllUp([server]);
    world.note({ is: "healed", fault: BY_ITSELF, kind: "server ended by itself" });
  }
}

/** ZooKeeper 3.8.0 can come back from a stopped leader in a state in which it commits nothing any more, for ever. */
async function endJam(world: World): Promise<void> {
  await noteDiagnosis(world);
  world.note({ is: "fault", fault: BY_ITSELF, kind: JAMMED, target: "the ensemble" });
  const leader = await world.ensemble.leader();
  await leader.kill();
  await bringAllUp([leader]);
  world.note({ is: "healed", fault: BY_ITSELF, kind: JAMMED });
}

/** Every worker has ended what it had begun; if that takes long, what is to be seen meanwhile is noted down. */
async function drained(world: World): Promise<void> {
  const draining = world.crew.drain();
  const late = sleep(SUSPICIOUS_MS, "late", { ref: false });
  if ((await Promise.race([draining, late])) === "late") await noteDiagnosis(world);
  await draining;
}

async function noteDiagnosis(world: World): Promise<void> {
  world.note({ is: "diagnosis", lines: await world.diagnose() });
}

/** The tickets that are still there when they should have gone, on any server. */
async function lookForTicketsLeft(world: World): Promise<void> {
  let views: readonly View[] = [];
  const areGone = async (): Promise<boolean> =>
    (views = await world.views()).every(({ tickets }) => tickets.length === 0);
  const what = { what: "the tickets to go", timeoutMs: TICKETS_GO_WITHIN_MS, everyMs: 100 };
  const failure = await until(areGone, what).then(() => undefined, String);
  const lines = disagreements(views);
  if (lines.length > 0) world.note({ is: "disagreement", lines });
  const everywhere = views[0]?.tickets.filter((ticket) => views.every(({ tickets }) => tickets.includes(ticket))) ?? [];
  // Not seen is not gone.
  world.note({ is: "left-over", tickets: failure !== undefined && views.length === 0 ? [failure] : everywhere });
}

function describe({ faults, isFollowedByRest }: Round): string {
  const names = faults.map(({ kind, lastsMs, scope }) => `${kind} (${scope}) ${lastsMs} ms`);
  return `${names.join(" + ")}${isFollowedByRest ? "" : ", no rest"}`;
}
