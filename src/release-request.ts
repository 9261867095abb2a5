import type { Discipline } from "./discipline.js";
import { holdersOf } from "./holders.js";
import { writeReleaseRequest } from "./identity.js";
import { queueOf } from "./ticket.js";
import type { QueuePort } from "./zookeeper/port.js";

/** Writes on the tickets of all holders that somebody asks for the resource; the number of them. (Curator's revocation.) */
export async function requestRelease(port: QueuePort, directory: string, { limit = 1 }: Discipline): Promise<number> {
  const listing = await port.list(directory);
  const holders = holdersOf(queueOf(listing?.children ?? []), limit);
  const asked = holders.map(async ({ name }) => {
    const path = `${directory}/${name}`;
    const content = await port.read(path);
    // Gone or rewritten in between: it is no holder any more, or has just been granted and can be asked again.
    if (content === null) return false;
    return port.store(path, writeReleaseRequest(content.data, new Date()), content.version);
  });
  return (await Promise.all(asked)).filter(Boolean).length;
}
