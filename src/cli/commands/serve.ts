import { randomInt } from "node:crypto";
import { Command, InvalidArgumentError, Option } from "commander";
import type { EmbeddedServer } from "../../testing/index.js";
import { Signals } from "../child/signals.js";
import { EXIT } from "../exit.js";
import { type Finish, settle } from "../finish.js";
import { verboseOption } from "../options.js";
import { Problem } from "../problem.js";
import { Notes } from "../terminal/notes.js";
import { writeLines } from "../terminal/output.js";

interface ServeFlags {
  readonly port: number;
  readonly host: string;
  readonly verbose: boolean;
}

/** As often as a real server looks for empty containers. */
const REAP_EVERY_MS = 60_000;
const LARGEST_SEED = 2 ** 32;
const LARGEST_PORT = 65_535;
const NOTES = `
For trying things out, and for tests: one server, no ensemble. Nothing is kept
when it ends, and nothing is encrypted.`;

/** `zk-lock serve`. */
export function serveCommand(finish: Finish): Command {
  return new Command("serve")
    .description("Run a ZooKeeper in memory, for this machine, until Ctrl-C.")
    .addOption(new Option("-p, --port <n>", "where to listen; 0: any (2181)").default(2_181).argParser(port))
    .addOption(new Option("--host <address>", "address to listen on (127.0.0.1)").default("127.0.0.1"))
    .addOption(verboseOption())
    .addHelpText("after", NOTES)
    .action(async (flags: ServeFlags) => {
      finish(await settle(() => serve(flags), flags.verbose));
    });
}

function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > LARGEST_PORT) {
    throw new InvalidArgumentError(`A port is a whole number up to ${LARGEST_PORT}.`);
  }
  return Number(text);
}

/** Until a signal comes. */
async function serve({ port, host, verbose }: ServeFlags): Promise<number> {
  const signals = new Signals(() => undefined);
  try {
    const { InMemoryZooKeeper } = await import("../../testing/index.js");
    // Each run has passwords of its own, and begins to number above the runs before it: tokens go on rising.
    const options = { seed: randomInt(LARGEST_SEED), firstZxid: Date.now() * 1_000, reapEveryMs: REAP_EVERY_MS };
    const zookeeper = new InMemoryZooKeeper(options);
    await using server = await zookeeper.listen({ port, host }).catch((error: unknown) => {
      throw new Problem(`${host}:${port} cannot be listened on: ${(error as Error).message}.`, "unreachable", {
        cause: error,
      });
    });
    announce(server, new Notes(verbose));
    await ended(signals.interrupted);
    zookeeper.stop();
    signals.interrupted.throwIfAborted();
    return EXIT.ok;
  } finally {
    signals.stop();
  }
}

/** The address alone is on stdout, for programs that started us. */
function announce(server: EmbeddedServer, notes: Notes): void {
  writeLines([server.connectString]);
  notes.say("a ZooKeeper in memory: nothing is kept when it ends, and it is no ensemble. Ctrl-C ends it.");
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
