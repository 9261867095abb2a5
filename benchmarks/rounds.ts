import type { Contender } from "./contender.js";
import { median, percentile } from "./statistics.js";

export interface Result {
  readonly name: string;
  /** Median of the rounds. */
  readonly perSecond: number;
  /** Of all cycles of all rounds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** What one cycle costs this process, in microseconds: user and system time, other threads included. */
  readonly cpuUs: number;
  /** Cycles per second, round by round. */
  readonly rounds: readonly number[];
}

export interface Plan {
  readonly rounds: number;
  readonly roundMs: number;
}

const WARM_UP_MS = 1_500;

/**
 * Lets the contenders run by turns, a round each, so that whatever else the machine does hits all of them alike. Each round
 * begins with another one.
 */
export async function measure(contenders: readonly Contender[], plan: Plan): Promise<Result[]> {
  const samples = contenders.map(() => new Sample());
  // What is measured is the steady state of a service, with code that the JIT compiler has seen.
  for (const contender of contenders) await run(contender, WARM_UP_MS);
  for (let round = 0; round < plan.rounds; round += 1) {
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const index = (round + turn) % contenders.length;
      await run(contenders[index] as Contender, plan.roundMs, samples[index]);
    }
  }
  return contenders.map(({ name }, index) => (samples[index] as Sample).summary(name));
}

/** What has been measured of one contender. */
export class Sample {
  readonly #rounds: number[] = [];
  readonly #latenciesMs: number[] = [];
  #cpuUs = 0;
  #cycles = 0;

  addLatency(ms: number): void {
    this.#latenciesMs.push(ms);
  }

  addRound({ cycles, tookMs, cpu }: { cycles: number; tookMs: number; cpu: NodeJS.CpuUsage }): void {
    this.#rounds.push((cycles / tookMs) * 1000);
    this.#cycles += cycles;
    this.#cpuUs += cpu.user + cpu.system;
  }

  summary(name: string): Result {
    return {
      name,
      perSecond: median(this.#rounds),
      p50Ms: percentile(this.#latenciesMs, 0.5),
      p99Ms: percentile(this.#latenciesMs, 0.99),
      cpuUs: this.#cpuUs / this.#cycles,
      rounds: this.#rounds,
    };
  }
}

/** The median of the rounds' ratios: each compares two neighbours in time. */
export function ratio(one: Result, other: Result): number {
  return median(one.rounds.map((perSecond, round) => perSecond / (other.rounds[round] ?? NaN)));
}

async function run(contender: Contender, forMs: number, sample = new Sample()): Promise<void> {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  let now = startedAt;
  let cycles = 0;
  for (; now - startedAt < forMs; cycles += 1) {
    const before = now;
    await contender.cycle();
    now = performance.now();
    sample.addLatency(now - before);
  }
  sample.addRound({ cycles, tookMs: now - startedAt, cpu: process.cpuUsage(cpuBefore) });
}
