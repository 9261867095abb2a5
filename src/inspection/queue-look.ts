import { fewAtATime } from "../common/few-at-a-time.js";
import { type Contents, holdersByTheirWord, tellingTickets } from "../queue/holders.js";
import { readSemaphoreData, type SemaphoreData } from "../queue/semaphore-data.js";
import { queueOf, type Ticket } from "../engine/ticket.js";
import type { NodeContent, LookPort } from "../engine/queue-port.js";

/** A queue as it stands, seen from outside. */
export interface QueueLook {
  readonly czxid: number;
  readonly queue: readonly Ticket[];
  readonly stored: SemaphoreData;
  readonly contents: Contents;
  readonly holders: readonly Ticket[];
}

const NOTHING = Buffer.alloc(0);

/** Looks at a queue; reads either all of its tickets, or those that it takes to say who holds. */
export async function lookAtQueue(port: LookPort, directory: string, reads: "all" | "telling"): Promise<QueueLook> {
  const [listing, found] = await Promise.all([port.list(directory), port.stored(directory)]);
  const queue = queueOf(listing?.children ?? []);
  const stored = readSemaphoreData(found?.data ?? NOTHING);
  const contents = await readTickets(port, directory, reads === "all" ? queue : tellingTickets(queue));
  const holders = holdersByTheirWord(queue, contents, stored.limit);
  return { czxid: listing?.czxid ?? 0, queue, stored, contents, holders };
}

async function readTickets(port: LookPort, directory: string, tickets: readonly Ticket[]): Promise<Contents> {
  const contents = new Map<Ticket, NodeContent>();
  await fewAtATime(tickets, async (ticket) => {
    const content = await port.read(`${directory}/${ticket.name}`);
    if (content !== null) contents.set(ticket, content);
  });
  return contents;
}
