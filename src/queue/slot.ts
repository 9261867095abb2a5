import { readSemaphoreData, writeSemaphoreData } from "./semaphore-data.js";
import type { Ticket } from "../engine/ticket.js";
import type { QueuePort } from "../engine/queue-port.js";

/**
 * One try to claim the lowest free slot of a semaphore for the holder of `ticket`. "refused": somebody else has written since
 * we looked. "unseen": the ticket is not there, as far as this server knows.
 *
 * An entry's ticket was there before the entry was written. So a server that shows the entry, and then lists the queue, shows
 * the ticket too: an entry without its ticket is that of a holder who has gone, and its slot is free. A reply that was lost does
 * no harm: the next try finds what the lost one wrote.
 * @throws as QueuePort
 */
export async function tryClaim(port: QueuePort, queue: string, ticket: Ticket): Promise<number | "refused" | "unseen"> {
  // In this order, and in one burst, so that it is one connection that answers both.
  const [stored, listing] = await Promise.all([port.settings(queue), port.list(queue)]);
  const { tickets } = listing;
  if (stored === null || !tickets.some(({ ref }) => ref === ticket.ref)) return "unseen";
  const { limit, slots } = readSemaphoreData(stored.data);
  const own = slots.get(ticket.order);
  if (own !== undefined) return own;
  const present = new Set(tickets.map(({ order }) => order));
  const kept = new Map([...slots].filter(([order]) => present.has(order)));
  const slot = lowestFree(new Set(kept.values()));
  const data = writeSemaphoreData({ limit, slots: kept.set(ticket.order, slot) });
  return (await port.saveSettings(queue, data, stored.version)) ? slot : "refused";
}

function lowestFree(taken: ReadonlySet<number>): number {
  let slot = 0;
  while (taken.has(slot)) slot += 1;
  return slot;
}
