import { Command, Option } from "commander";
import type { ZkLockManager } from "../../index.js";
import { withManager } from "../connection.js";
import { EXIT } from "../exit.js";
import { type Finish, settle } from "../finish.js";
import {
  authFileOption,
  type PlaceFlags,
  placeOf,
  rootOption,
  token,
  verboseOption,
  zookeeperOption,
} from "../options.js";
import { Problem } from "../problem.js";
import { confirmed } from "../terminal/confirmation.js";
import { Notes } from "../terminal/notes.js";
import { ageOf, ownerName } from "../terminal/words.js";

/** What `release` was asked to do. */
interface ReleaseFlags extends PlaceFlags {
  readonly force: true;
  readonly token: number;
  readonly yes: boolean;
}

/** `zk-lock release`. */
export function releaseCommand(finish: Finish): Command {
  return new Command("release")
    .description("Take a lock away from its holder, whose command is then ended.")
    .usage("[options] --force --token <n> <resource>")
    .argument("<resource>")
    .addOption(new Option("--force", "say that you know what you do").makeOptionMandatory())
    .addOption(new Option("--token <n>", "of that very hold, as show tells it").argParser(token).makeOptionMandatory())
    .addOption(new Option("-y, --yes", "do not ask; needed where there is no terminal").default(false))
    .addOption(zookeeperOption())
    .addOption(rootOption())
    .addOption(authFileOption())
    .addOption(verboseOption())
    .action(async (resource: string, flags: ReleaseFlags) => {
      finish(await settle(() => forceRelease(resource, flags), flags.verbose));
    });
}

async function forceRelease(resource: string, flags: ReleaseFlags): Promise<number> {
  const notes = new Notes(flags.verbose);
  return withManager(placeOf(flags), notes, async (manager) => {
    const holder = await describeHold(manager, resource, flags.token);
    const question = `Take "${resource}" away from ${holder}?`;
    if (!flags.yes && !(await confirmed(question))) throw new Problem("Nothing was done.", "notAcquired");
    // It may have ended while we asked: then nobody else's hold is touched.
    if (!(await manager.forceRelease(resource, flags.token))) throw noSuchHold(resource, flags.token);
    notes.say(`"${resource}" was taken away from ${holder}.`);
    return EXIT.ok;
  });
}

async function describeHold(manager: ZkLockManager, resource: string, token: number): Promise<string> {
  const { holders } = await manager.inspect(resource);
  const hold = holders.find((ticket) => ticket.token === token);
  if (hold === undefined) throw noSuchHold(resource, token);
  return `${ownerName(hold)}, who has held it for ${ageOf(hold.since)} (token ${token})`;
}

function noSuchHold(resource: string, token: number): Problem {
  return new Problem(
    `Nobody holds "${resource}" with the token ${token}: zk-lock show tells who holds it.`,
    "notAcquired",
  );
}
