import { Command } from "commander";
import type { ResourceEvent, ZkLockManager } from "../../index.js";
import { Signals } from "../child/signals.js";
import { withManager } from "../connection.js";
import { EXIT } from "../exit.js";
import { type Finish, settle } from "../finish.js";
import { type LookFlags, lookOptions, placeOf } from "../options.js";
import { Problem } from "../problem.js";
import { Notes } from "../terminal/notes.js";
import { writeJson, writeLines } from "../terminal/output.js";
import { personName } from "../terminal/words.js";

/** `zk-lock watch`. */
export function watchCommand(finish: Finish): Command {
  const command = new Command("watch")
    .description("Print a line whenever a resource is locked or unlocked, until Ctrl-C.")
    .usage("[options] <resource>")
    .argument("<resource>")
    .action(async (resource: string, flags: LookFlags) => {
      finish(await settle(() => watch(resource, flags), flags.verbose));
    });
  for (const option of lookOptions("a line of JSON for each event")) command.addOption(option);
  return command;
}

/** Until a signal comes, or nobody reads any more. */
async function watch(resource: string, flags: LookFlags): Promise<number> {
  const signals = new Signals(() => undefined);
  const write = flags.json ? tellInJson : tellInWords;
  try {
    return await withManager(placeOf(flags), new Notes(flags.verbose), async (manager) => {
      await follow(manager, resource, signals.interrupted, (event) => write(resource, event));
      signals.interrupted.throwIfAborted();
      return EXIT.ok;
    });
  } finally {
    signals.stop();
  }
}

async function follow(
  manager: ZkLockManager,
  resource: string,
  signal: AbortSignal,
  tell: (event: ResourceEvent) => void,
): Promise<void> {
  const watcher = manager.watch(resource, { signal });
  let failure: { readonly error: unknown } | undefined;
  watcher.on("error", (error) => (failure = { error }));
  try {
    for await (const event of watcher) tell(event);
  } finally {
    watcher.close();
  }
  if (failure !== undefined) {
    throw new Problem(`"${resource}" cannot be watched.`, "notAcquired", { cause: failure.error });
  }
}

function tellInJson(resource: string, { type, token, identity }: ResourceEvent): void {
  writeJson({ time: new Date().toISOString(), type, resource, token, identity });
}

function tellInWords(resource: string, { type, token, identity }: ResourceEvent): void {
  const time = new Date().toTimeString().slice(0, 8);
  writeLines([`${time}  ${type.padEnd(8)}  ${resource}  ${token}  ${personName(identity)}`]);
}
