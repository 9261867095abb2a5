import type { Identity } from "../errors.js";
import { isKept, readGrant, readIdentity } from "../queue/ticket-note.js";
import { lookAtQueue, type QueueLook } from "./queue-look.js";
import type { FencingToken, Ticket } from "../engine/ticket.js";
import type { LookPort, TicketContent } from "../engine/queue-port.js";

/** One ticket in a queue, as its owner describes it. */
export interface TicketStatus {
  /** The place in the queue; 0 is the first. */
  readonly position: number;
  /** The number that its acquire returned, or will return; a fence only where `shared` is false. */
  readonly token: FencingToken;
  /** The sequence number that ZooKeeper gave the ticket: the order of the queue. */
  readonly sequence: number;
  /** What the owner says of itself; undefined for recipes of others that say nothing. */
  readonly identity?: Identity;
  /** Since when it is held, as far as the owner says so; else when it queued up. */
  readonly since: Date;
  /** When the ticket queued up. */
  readonly queuedSince: Date;
  /** The session that the ticket belongs to, in hexadecimal. */
  readonly sessionId: string;
  /** True for readers and permits, which can hold side by side. */
  readonly shared: boolean;
  /** Of a semaphore's holder that has asked for one: a number that no other holder has. */
  readonly slot?: number;
}

/**
 * Who holds a resource and who waits for it, in order. Not shown is a write ticket that was given back, and stays only to keep the
 * place of a reader of its owner's.
 */
export interface ResourceStatus {
  /** The name of the resource. */
  readonly resource: string;
  /** What kind of lock uses the resource, as far as its tickets show. */
  readonly kind: "mutex" | "read-write" | "semaphore";
  /** The tickets that hold it, in the order of the queue. */
  readonly holders: readonly TicketStatus[];
  /** The tickets that wait, in the order of the queue. */
  readonly waiters: readonly TicketStatus[];
  /** The limit of a semaphore, as it is stored with the resource. */
  readonly maxConcurrentHolders?: number;
}

/** Looks at the queue of a resource, of whatever process and recipe. Nobody is disturbed: it only reads. */
export async function inspectResource(port: LookPort, resource: string, directory: string): Promise<ResourceStatus> {
  const look = await lookAtQueue(port, directory, "all");
  const isHolder = new Set(look.holders);
  const holders: TicketStatus[] = [];
  const waiters: TicketStatus[] = [];
  for (const [position, ticket] of look.queue.entries()) {
    const content = look.contents.get(ticket);
    // What has gone since the listing is gone.
    if (content === undefined || (position === 0 && isKept(content.data))) continue;
    (isHolder.has(ticket) ? holders : waiters).push(statusOf(look, ticket, position, content));
  }
  const { limit } = look.stored;
  return {
    resource,
    kind: kindOf(look.queue, limit),
    holders,
    waiters,
    ...(limit !== undefined && { maxConcurrentHolders: limit }),
  };
}

function statusOf(look: QueueLook, ticket: Ticket, position: number, content: TicketContent): TicketStatus {
  const { order, token, demand } = ticket;
  const identity = readIdentity(content.data);
  const slot = look.stored.slots.get(order);
  return {
    position,
    token,
    sequence: order,
    ...(identity && { identity }),
    since: readGrant(content.data) ?? content.createdAt,
    queuedSince: content.createdAt,
    sessionId: content.owner,
    shared: demand !== "exclusive",
    ...(slot !== undefined && { slot }),
  };
}

function kindOf(queue: readonly Ticket[], limit: number | undefined): ResourceStatus["kind"] {
  if (limit !== undefined || queue.some(({ demand }) => demand === "permit")) return "semaphore";
  return queue.some(({ kind }) => kind === "read" || kind === "write") ? "read-write" : "mutex";
}

/**
 * Deletes the ticket of that very hold, and of no other. False: no such hold. True: there was one, and its ticket is gone, also if
 * the reply to our delete was lost, or its owner gave it back in the same moment.
 */
export async function forceRelease(port: LookPort, directory: string, token: FencingToken): Promise<boolean> {
  const { queue, holders } = await lookAtQueue(port, directory, "telling");
  // The head of a queue is in everybody's way, also where it only keeps the place of a reader.
  const holder = [...holders, ...queue.slice(0, 1)].find((ticket) => ticket.token === token);
  if (holder === undefined) return false;
  await port.remove(holder.ref);
  return true;
}
