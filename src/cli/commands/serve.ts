import { randomInt } from "node:crypto";
import type { EmbeddedServer } from "../../testing/index.js";
import { Signals } from "../child/signals.js";
import { EXIT } from "../exit-codes.js";
import { Problem } from "../problem.js";
import { Notes } from "../terminal/notes.js";
import { writeLines } from "../terminal/output.js";

export interface ServeFlags {
  readonly port: number;
  readonly host: string;
  readonly verbose: boolean;
}

/** As often as a real server looks for empty containers. */
const REAP_EVERY_MS = 60_000;
const LARGEST_SEED = 2 ** 32;

/** `zk-lock serve`: until a signal comes. */
export async function serve({ port, host, verbose }: ServeFlags): Promise<number> {
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
