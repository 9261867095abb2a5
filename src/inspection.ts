import type { Identity } from "./errors.js";
import { holdersOf } from "./holders.js";
import { readGrant, readIdentity } from "./identity.js";
import { readSemaphoreData } from "./semaphore-data.js";
import { type FencingToken, queueOf, type Ticket } from "./ticket.js";
import type { QueuePort } from "./zookeeper/port.js";

/** One ticket in a queue, as its owner describes it. */
export interface TicketStatus {
  /** 0 is the first. */
  readonly position: number;
  /** The number that its acquire returned, or will return; a fence only where `shared` is false. */
  readonly token: FencingToken;
  readonly sequence: number;
  /** What the owner says of itself; undefined for recipes of others that say nothing. */
  readonly identity?: Identity;
  /** Since when it is held, as far as the owner says so; else when it queued up. */
  readonly since: Date;
  readonly queuedSince: Date;
  readonly sessionId: string;
  readonly shared: boolean;
  /** Of a semaphore's holder that has asked for one: a number that no other holder has. */
  readonly slot?: number;
}

/** Who holds a resource and who waits for it, in order. */
export interface ResourceStatus {
  readonly resource: string;
  readonly kind: "mutex" | "read-write" | "semaphore";
  readonly holders: readonly TicketStatus[];
  readonly waiters: readonly TicketStatus[];
  /** Of a semaphore. */
  readonly maxConcurrentHolders?: number;
}

const NOTHING = Buffer.alloc(0);

/** Looks at the queue of a resource, of whatever process and recipe. Nobody is disturbed: it only reads. */
export async function inspectResource(port: QueuePort, resource: string, directory: string): Promise<ResourceStatus> {
  const [listing, stored] = await Promise.all([port.list(directory), port.stored(directory)]);
  const queue = queueOf(listing?.children ?? []);
  const { limit, slots } = readSemaphoreData(stored?.data ?? NOTHING);
  const holders = holdersOf(queue, limit ?? 1);
  const described = await Promise.all(
    queue.map(async ({ name, sequence, demand }, position) => {
      const owner = await readOwner(port, `${directory}/${name}`);
      const token = (listing?.czxid ?? 0) + sequence;
      const slot = slots.get(sequence);
      const shared = demand !== "exclusive";
      return owner && { position, token, sequence, ...owner, shared, ...(slot !== undefined && { slot }) };
    }),
  );
  // What has gone since the listing is gone.
  const present = described.filter((status) => status !== null);
  const isHolder = new Set(holders.map(({ sequence }) => sequence));
  return {
    resource,
    kind: kindOf(queue, limit),
    holders: present.filter(({ sequence }) => isHolder.has(sequence)),
    waiters: present.filter(({ sequence }) => !isHolder.has(sequence)),
    ...(limit !== undefined && { maxConcurrentHolders: limit }),
  };
}

/** What a ticket's owner has written into it; null: the ticket is gone. */
async function readOwner(
  port: QueuePort,
  path: string,
): Promise<Pick<TicketStatus, "identity" | "since" | "queuedSince" | "sessionId"> | null> {
  const content = await port.read(path);
  if (content === null) return null;
  const identity = readIdentity(content.data);
  return {
    ...(identity && { identity }),
    since: readGrant(content.data) ?? content.createdAt,
    queuedSince: content.createdAt,
    sessionId: content.owner,
  };
}

function kindOf(queue: readonly Ticket[], limit: number | undefined): ResourceStatus["kind"] {
  if (limit !== undefined || queue.some(({ demand }) => demand === "permit")) return "semaphore";
  return queue.some(({ name, demand }) => demand === "shared" || name.includes("__WRIT__")) ? "read-write" : "mutex";
}

/** Deletes the ticket of that very hold, and of no other. False: no such hold. */
export async function forceRelease(port: QueuePort, directory: string, token: FencingToken): Promise<boolean> {
  const [listing, stored] = await Promise.all([port.list(directory), port.stored(directory)]);
  if (listing === null) return false;
  const { limit } = readSemaphoreData(stored?.data ?? NOTHING);
  const holders = holdersOf(queueOf(listing.children), limit ?? 1);
  const holder = holders.find(({ sequence }) => listing.czxid + sequence === token);
  if (holder === undefined) return false;
  await port.remove(`${directory}/${holder.name}`);
  return true;
}
