import { cpus } from "node:os";
import type { Plan, Result } from "./rounds.js";

export interface Report {
  readonly plan: Plan;
  /** Ours first. */
  readonly cycles: readonly Result[];
  readonly handOvers: readonly Result[];
  /** Our cycles per second, divided by the raw client's; the median over the rounds. */
  readonly ratios: { readonly pipelined: number; readonly oneByOne: number };
}

export function asJson(report: Report): string {
  return `${JSON.stringify({ ...report, machine: machine() })}\n`;
}

export function asTable({ cycles, handOvers, ratios }: Report): string {
  const [, pipelined, oneByOne] = cycles;
  return [
    "",
    ...table("acquire and release", "cycles/s", cycles),
    "",
    ...table("under contention", "holds/s", handOvers),
    "",
    `zk-lock-manager reaches ${ratios.pipelined.toFixed(2)} times the rate of "${pipelined?.name ?? ""}",`,
    `and ${ratios.oneByOne.toFixed(2)} times that of "${oneByOne?.name ?? ""}".`,
    `(${machine()}; one client at a time; medians of the rounds)`,
    "",
  ].join("\n");
}

function table(title: string, rate: string, results: readonly Result[]): string[] {
  const rows = results.map(({ name, perSecond, p50Ms, p99Ms, cpuUs }) => [
    name,
    Math.round(perSecond).toLocaleString("en-US"),
    p50Ms.toFixed(3),
    p99Ms.toFixed(3),
    cpuUs.toFixed(0),
  ]);
  const all = [[title, rate, "p50 ms", "p99 ms", "CPU µs"], ...rows];
  return all.map(([name = "", ...numbers]) => `${name.padEnd(39)}${numbers.map((text) => text.padStart(10)).join("")}`);
}

function machine(): string {
  const processors = cpus();
  return `Node ${process.versions.node}, ${processors.length} × ${processors[0]?.model.trim() ?? "unknown processor"}`;
}
