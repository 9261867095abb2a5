import { fewAtATime } from "../common/few-at-a-time.js";
import { type Contents, holdersByTheirWord, tellingTickets } from "../queue/holders.js";
import { readSemaphoreData, type SemaphoreData } from "../queue/semaphore-data.js";
import type { Ticket } from "../engine/ticket.js";
import type { LookPort, TicketContent } from "../engine/queue-port.js";

/** A queue as it stands, seen from outside. */
export interface QueueLook {
  readonly queue: readonly Ticket[];
  readonly stored: SemaphoreData;
  readonly contents: Contents;
  readonly holders: readonly Ticket[];
}

const NOTHING = Buffer.alloc(0);

/** Looks at a queue; reads either all of its tickets, or those that it takes to say who holds. */
export async function lookAtQueue(port: LookPort, directory: string, reads: "all" | "telling"): Promise<QueueLook> {
  const [{ tickets: queue }, found] = await Promise.all([port.list(directory), port.settings(directory)]);
  const stored = readSemaphoreData(found?.data ?? NOTHING);
  const contents = await readTickets(port, reads === "all" ? queue : tellingTickets(queue));
  const holders = holdersByTheirWord(queue, contents, stored.limit);
  return { queue, stored, contents, holders };
}

async function readTickets(port: LookPort, tickets: readonly Ticket[]): Promise<Contents> {
  const contents = new Map<Ticket, TicketContent>();
  await fewAtATime(tickets, async (ticket) => {
    const content = await port.read(ticket.ref);
    if (content !== null) contents.set(ticket, content);
  });
  return contents;
}
