import { performance } from "node:perf_hooks";
import { clearInterval, setInterval } from "node:timers";

const MARKS = { run: "▸", done: "✔", failed: "✖" };

/** How long a step may say nothing before a line tells that it still lives. */
const HEARTBEAT_MS = 5_000;

export function say(text) {
  process.stdout.write(`${text}\n`);
}

/** What a step found missing or wrong, said to the user without a stack: it is about their machine, not about our code. */
export class StepError extends Error {}

/**
 * Runs one step of a script and says so: a line when it starts, one each five seconds while it runs (with the latest
 * output line, if `body` hands any to its parameter), and one with the time it took.
 */
export async function step(title, body) {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  let latest = "";
  say(`${MARKS.run} ${title}`);
  const heartbeat = setInterval(() => say(`    … ${seconds()}${latest && `  ${latest}`}`), HEARTBEAT_MS);
  try {
    const result = await body((line) => (latest = line.slice(0, 100)));
    say(`${MARKS.done} ${title} (${seconds()})`);
    return result;
  } catch (error) {
    say(`${MARKS.failed} ${title} (${seconds()})`);
    throw error;
  } finally {
    clearInterval(heartbeat);
  }
}

/** Runs a whole script: its result is the exit code; what fails is said once, with a stack only where it is our fault. */
export async function script(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    process.stderr.write(`\n${error instanceof StepError ? error.message : error.stack}\n`);
    process.exitCode = 1;
  }
}
