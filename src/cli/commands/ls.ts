import { Command } from "commander";
import type { ResourceStatus, ZkLockManager } from "../../index.js";
import { library, withManager } from "../connection.js";
import { EXIT } from "../exit.js";
import { type Finish, settle } from "../finish.js";
import { type LookFlags, lookOptions, placeOf } from "../options.js";
import { Notes } from "../terminal/notes.js";
import { writeJson, writeLines } from "../terminal/output.js";
import { table } from "../terminal/table.js";
import { ageOf, ownerName } from "../terminal/words.js";

/** How many resources are looked at together: a root with thousands of them must not flood the server. */
const AT_ONCE = 16;
const NO_ACCESS = "no access";

/** A resource whose ACL does not let us look. */
interface Secured {
  readonly resource: string;
  readonly error: typeof NO_ACCESS;
}

/** `zk-lock ls`. */
export function lsCommand(finish: Finish): Command {
  const command = new Command("ls")
    .description("List the resources, who holds them, and how many wait.")
    .action(async (flags: LookFlags) => {
      finish(await settle(() => list(flags), flags.verbose));
    });
  for (const option of lookOptions("an array of what show --json prints")) command.addOption(option);
  return command;
}

async function list(flags: LookFlags): Promise<number> {
  const found = await withManager(placeOf(flags), new Notes(flags.verbose), inspectAll);
  if (flags.json) writeJson(found, 2);
  else if (found.length > 0) writeLines(await table(["RESOURCE", "KIND", "HELD BY", "FOR", "WAITING"], found.map(row)));
  return EXIT.ok;
}

async function inspectAll(manager: ZkLockManager): Promise<(ResourceStatus | Secured)[]> {
  const resources = (await manager.list()).sort();
  const found: (ResourceStatus | Secured)[] = [];
  for (let start = 0; start < resources.length; start += AT_ONCE) {
    const some = resources.slice(start, start + AT_ONCE);
    found.push(...(await Promise.all(some.map((resource) => inspect(manager, resource)))));
  }
  return found;
}

async function inspect(manager: ZkLockManager, resource: string): Promise<ResourceStatus | Secured> {
  try {
    return await manager.inspect(resource);
  } catch (error) {
    const { AccessDeniedError } = await library();
    if (error instanceof AccessDeniedError) return { resource, error: NO_ACCESS };
    throw error;
  }
}

function row(found: ResourceStatus | Secured): string[] {
  if ("error" in found) return [found.resource, found.error, "-", "-", "-"];
  const { resource, kind, holders, waiters, maxConcurrentHolders } = found;
  const [first, ...others] = holders;
  const who = first === undefined ? "-" : ownerName(first);
  const limit = maxConcurrentHolders === undefined ? "" : ` ${holders.length}/${maxConcurrentHolders}`;
  return [
    resource,
    `${kind}${limit}`,
    others.length === 0 ? who : `${who} and ${others.length} more`,
    first === undefined ? "-" : ageOf(first.since),
    String(waiters.length),
  ];
}
