import { parseArgs } from "node:util";
import { contendedHandOver, localHandOver } from "./hand-over.js";
import { ours } from "./ours.js";
import { RawClient } from "./raw-client.js";
import { asJson, asTable, type Report } from "./report.js";
import { measure, type Plan, ratio, type Result } from "./rounds.js";

const HELP = `Measures cycles of acquire and release beside the raw client, by turns.

  npm run bench -- [--rounds=15] [--seconds=0.6] [--json]

--seconds is the length of a round. --json prints one line of JSON, the last one of the output.
ZK_CONNECT=host:port names the ZooKeeper to use.`;

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "15" },
      seconds: { type: "string", default: "0.6" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const plan = { rounds: Number(values.rounds), roundMs: Number(values.seconds) * 1000 };
  if (!(Number.isInteger(plan.rounds) && plan.rounds > 0)) throw new Error("--rounds is a whole number from 1 on.");
  if (!(plan.roundMs > 0)) throw new Error("--seconds is a number above 0.");
  const servers = process.env["ZK_CONNECT"];
  if (servers === undefined) throw new Error("ZK_CONNECT names no ZooKeeper. `npm run bench` starts one.");

  const report = await bench(servers, plan);
  process.stdout.write(values.json ? asJson(report) : asTable(report));
  return 0;
}

async function bench(servers: string, plan: Plan): Promise<Report> {
  const rootDir = `/bench-${process.pid}-${Date.now().toString(36)}`;
  const contenders = [
    await ours(servers, rootDir),
    (await RawClient.connect(servers, `${rootDir}/raw-pipelined`)).pipelined(),
    (await RawClient.connect(servers, `${rootDir}/raw-one-by-one`)).oneByOne(),
  ];
  const { rounds, roundMs } = plan;
  say(`${rounds} rounds of ${roundMs / 1000} s each: ${contenders.map(({ name }) => name).join("; ")}`);
  const cycles = (await measure(contenders, plan)) as [Result, Result, Result];
  for (const contender of contenders) await contender.close();

  // Half as long: there is nothing beside them that would have to be met at the same time.
  const shorter = { rounds, roundMs: roundMs / 2 };
  say("hand-over between two managers");
  const contended = await contendedHandOver(servers, rootDir, shorter);
  say("hand-over inside one manager");
  const local = await localHandOver(servers, rootDir, shorter);

  const [own, pipelined, oneByOne] = cycles;
  const ratios = { pipelined: ratio(own, pipelined), oneByOne: ratio(own, oneByOne) };
  return { plan, cycles, handOvers: [contended, local], ratios };
}

/** Progress goes to stderr, so that the results alone are on stdout. */
function say(text: string): void {
  process.stderr.write(`  ${text} …\n`);
}
