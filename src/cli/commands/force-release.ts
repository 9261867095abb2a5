import type { ZkLockManager } from "../../index.js";
import { confirmed } from "../terminal/confirmation.js";
import { withManager } from "../connection.js";
import { EXIT } from "../exit-codes.js";
import { Notes } from "../terminal/notes.js";
import { Problem } from "../problem.js";
import { type PlaceFlags, placeOf } from "../options.js";
import { ageOf, ownerName } from "../terminal/words.js";

/** What `release` was asked to do. */
export interface ReleaseFlags extends PlaceFlags {
  readonly force: true;
  readonly token: number;
  readonly yes: boolean;
}

/** `zk-lock release --force`. */
export async function forceRelease(resource: string, flags: ReleaseFlags): Promise<number> {
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
