import type { ResourceStatus, ZkLockManager } from "../index.js";
import { withManager } from "./connection.js";
import { EXIT } from "./exit-codes.js";
import { Notes } from "./notes.js";
import type { PlaceFlags } from "./options.js";
import { writeOut } from "./output.js";
import { table } from "./table.js";
import { ageOf, personName } from "./words.js";

/** How many resources are looked at together: a root with thousands of them must not flood the server. */
const AT_ONCE = 16;

/** `zk-lock ls`. */
export async function list({ zookeeper, root, verbose, json }: PlaceFlags & { json: boolean }): Promise<number> {
  const statuses = await withManager({ servers: zookeeper, root }, new Notes(verbose), inspectAll);
  if (json) writeOut(`${JSON.stringify(statuses, null, 2)}\n`);
  else if (statuses.length > 0) writeOut(table(["RESOURCE", "KIND", "HELD BY", "FOR", "WAITING"], statuses.map(row)));
  return EXIT.ok;
}

async function inspectAll(manager: ZkLockManager): Promise<ResourceStatus[]> {
  const resources = (await manager.list()).sort();
  const found: ResourceStatus[] = [];
  for (let start = 0; start < resources.length; start += AT_ONCE) {
    const some = resources.slice(start, start + AT_ONCE);
    found.push(...(await Promise.all(some.map((resource) => manager.inspect(resource)))));
  }
  return found;
}

function row({ resource, kind, holders, waiters, maxConcurrentHolders }: ResourceStatus): string[] {
  const [first, ...others] = holders;
  const who = first === undefined ? "-" : personName(first.identity);
  const limit = maxConcurrentHolders === undefined ? "" : ` ${holders.length}/${maxConcurrentHolders}`;
  return [
    resource,
    `${kind}${limit}`,
    others.length === 0 ? who : `${who} and ${others.length} more`,
    first === undefined ? "-" : ageOf(first.since),
    String(waiters.length),
  ];
}
