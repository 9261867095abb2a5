import { LockError } from "../errors.js";
import { readSemaphoreData, writeSemaphoreData } from "./semaphore-data.js";
import { queueOf, type Ticket } from "../engine/ticket.js";
import type { QueuePort } from "../engine/queue-port.js";

/** ZooKeeper takes no node of a megabyte, and hangs up on who sends one. */
const LONGEST_DATA_BYTES = 1_000_000;

/**
 * One try to claim the lowest free slot of a semaphore for the holder of `ticket`. "refused": somebody else has written since
 * we looked. "unseen": the ticket is not there, as far as this server knows.
 *
 * An entry's ticket was there before the entry was written. So a server that shows the entry, and then lists the queue, shows
 * the ticket too: an entry without its ticket is that of a holder who has gone, and its slot is free. A reply that was lost does
 * no harm: the next try finds what the lost one wrote.
 * @throws as QueuePort, and LockError when the slots do not fit a node any more
 */
export async function tryClaim(
  port: QueuePort,
  directory: string,
  ticket: Ticket,
): Promise<number | "refused" | "unseen"> {
  // In this order, and in one burst, so that it is one connection that answers both.
  const [stored, listing] = await Promise.all([port.stored(directory), port.list(directory)]);
  const queue = queueOf(listing?.children ?? []);
  if (stored === null || !queue.some(({ name }) => name === ticket.name)) return "unseen";
  const { limit, slots } = readSemaphoreData(stored.data);
  const own = slots.get(ticket.sequence);
  if (own !== undefined) return own;
  const present = new Set(queue.map(({ sequence }) => sequence));
  const kept = new Map([...slots].filter(([sequence]) => present.has(sequence)));
  const slot = lowestFree(new Set(kept.values()));
  const data = writeSemaphoreData({ limit, slots: kept.set(ticket.sequence, slot) });
  if (data.length > LONGEST_DATA_BYTES) {
    throw new LockError(`The ${kept.size} slots of ${directory} do not fit into one node of ZooKeeper any more.`);
  }
  return (await port.store(directory, data, stored.version)) ? slot : "refused";
}

function lowestFree(taken: ReadonlySet<number>): number {
  let slot = 0;
  while (taken.has(slot)) slot += 1;
  return slot;
}
