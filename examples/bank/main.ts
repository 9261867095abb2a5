import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Crew } from "./crew.js";
import { Ledger } from "./ledger.js";
import { report } from "./report.js";
import { Story } from "./story.js";
import { accountsIn, readTransfers, type Transfer } from "./transfers.js";
import { count, Terminal } from "./terminal.js";

const WORKERS = ["Ada", "Ben", "Cleo", "Dan"];
/** The one that is stopped in the middle of a transfer, and where. */
const UNLUCKY = "Cleo";
const STOP_AFTER = 0.4;
/** A run takes ten seconds; one that has not ended after so many has got stuck. */
const LONGEST_RUN_MS = 120_000;
const LOOK_EVERY_MS = 50;
/** With fewer, there might be none left on the accounts of the one that is stopped. */
const FEWEST_TRANSFERS = 500;

const HELP = `A bank with four worker processes, one of which is stopped at the worst moment.

  npm run demo                  its late write is refused by its fencing token
  npm run demo -- --no-fence    the same, without the check of the token
  npm run demo -- --transfers=N only the first N transfers; 500 at least
  npm run demo -- --zookeeper   on a real ZooKeeper, not on one in memory

ZK_CONNECT=host:port names the ZooKeeper to use.`;

interface Setting {
  readonly servers: string;
  readonly ledgerFile: string;
  readonly transfers: readonly Transfer[];
  readonly fenced: boolean;
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      "no-fence": { type: "boolean" },
      transfers: { type: "string", default: "" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const transfers = readTransfers();
  const wanted = values.transfers === "" ? transfers.length : Number(values.transfers);
  if (!(wanted >= FEWEST_TRANSFERS && wanted <= transfers.length)) {
    throw new Error(`--transfers is a number from ${FEWEST_TRANSFERS} to ${transfers.length}.`);
  }
  const servers = process.env["ZK_CONNECT"];
  if (servers === undefined) throw new Error("ZK_CONNECT names no ZooKeeper. `npm run demo` starts one.");
  const directory = mkdtempSync(join(tmpdir(), "zk-lock-bank-"));
  const crew = new Crew();
  const cleanUp = (): void => {
    crew.dismiss();
    rmSync(directory, { recursive: true, force: true });
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      cleanUp();
      process.exit(1);
    });
  }
  try {
    return await run(crew, {
      servers,
      ledgerFile: join(directory, "bank.sqlite"),
      transfers: transfers.slice(0, wanted),
      fenced: values["no-fence"] !== true,
    });
  } finally {
    cleanUp();
  }
}

async function run(crew: Crew, { servers, ledgerFile, transfers, fenced }: Setting): Promise<number> {
  const accounts = accountsIn(transfers);
  const ledger = new Ledger(ledgerFile, { fenced });
  ledger.open(accounts);
  const moneyBefore = ledger.total();

  const terminal = new Terminal();
  terminal.title(`${count(transfers.length)} transfers, ${accounts.length} accounts, ${WORKERS.length} processes`);
  terminal.say(
    "For each transfer a worker locks both accounts in ZooKeeper, reads the two balances from SQLite, and writes the " +
      "new ones" +
      (fenced ? ", with the fencing tokens of its locks." : ". This time nobody looks at the fencing tokens."),
  );
  terminal.line("");

  const story = new Story(terminal, crew, ledger, { fenced });
  const stopAt = Math.floor(transfers.length * STOP_AFTER);
  const rootDir = `/demo-bank-${process.pid}-${Date.now().toString(36)}`;
  for (const name of WORKERS) {
    crew.start({
      name,
      servers,
      rootDir,
      ledgerFile,
      transfers: transfers.length,
      fenced,
      stopAt: name === UNLUCKY ? stopAt : null,
    });
  }
  terminal.event(`${WORKERS.join(", ")} start to work.`);
  const look = setInterval(() => terminal.bar(ledger.progress(), transfers.length), LOOK_EVERY_MS);
  let alarm: NodeJS.Timeout | undefined;
  try {
    const stuck = new Promise<never>((_, reject) => {
      alarm = setTimeout(() => reject(new Error(`Not done after ${LONGEST_RUN_MS / 1000} s.`)), LONGEST_RUN_MS);
    });
    await Promise.race([crew.finished(), story.failed, stuck]);
  } finally {
    clearInterval(look);
    clearTimeout(alarm);
  }
  terminal.event(`All ${count(ledger.progress())} transfers are written.`);
  const isRight = report(terminal, ledger, {
    workers: WORKERS,
    story,
    transfers: transfers.length,
    moneyBefore,
    fenced,
  });
  ledger.close();
  return isRight ? 0 : 1;
}
