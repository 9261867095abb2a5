import { parseArgs } from "node:util";
import { runChaos } from "./chaos.js";
import { runCuts } from "./cuts.js";
import { report } from "./report.js";

const USAGE = `npm run chaos -- [options]

  --minutes <n>   how long faults go on (default 1)
  --seed <n>      which schedule of faults (default: drawn, and told)
  --workers <n>   how many processes lock (default 5)
  --cuts <n>      instead: reset one worker's connection so many times, and twice more with a client handed to it
  --quiet         the summary only
`;

/** `npm run chaos`: exits with 1 when a promise was broken, and says how to see it again. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "1" },
      seed: { type: "string" },
      workers: { type: "string", default: "5" },
      cuts: { type: "string" },
      quiet: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : numberOf("seed", values.seed);
  const onProgress = (line: string): void => {
    if (!values.quiet) process.stdout.write(`  ${line}\n`);
  };
  if (values.cuts !== undefined) return cutTheLine(numberOf("cuts", values.cuts), onProgress);
  process.stdout.write(`seed ${seed}\n`);
  const stop = new AbortController();
  // The first Ctrl-C ends the run in good order; the next one ends it as usual.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const result = await runChaos({
    seed,
    seconds: numberOf("minutes", values.minutes) * 60,
    workers: numberOf("workers", values.workers),
    onProgress,
    signal: stop.signal,
  });
  process.stdout.write(`\n${report(result)}\n`);
  return result.acts.some(({ violations }) => violations.length > 0) ? 1 : 0;
}

async function cutTheLine(cuts: number, onProgress: (line: string) => void): Promise<number> {
  for (const client of ["own", "adopted"] as const) {
    const { holds, reconnects, sessions, longestMs } = await runCuts({ cuts, client, onProgress });
    process.stdout.write(
      `${client} client: ${cuts} cuts, ${reconnects} reconnects (the longest ${Math.round(longestMs)} ms), ${holds} holds, ` +
        `${sessions} session${sessions === 1 ? "" : "s"}\n`,
    );
    if (sessions !== 1) return 1;
  }
  return 0;
}

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isFinite(number) || number <= 0) throw new Error(`--${name} is a number above 0, not "${text}".`);
  return number;
}

process.exitCode = await main();
