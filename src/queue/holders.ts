import { isKept, readGrant, readLimit } from "./ticket-note.js";
import type { Ticket } from "../engine/ticket.js";
import type { TicketContent } from "../engine/queue-port.js";

/** What the owners of tickets have written on them, by ticket; without those that are gone. */
export type Contents = ReadonlyMap<Ticket, TicketContent>;

/**
 * Who holds, of a queue in order, whatever kinds are in it. An exclusive ticket holds if it is the first; nobody behind one does
 * before it has gone. Up to there all readers hold, and each permit that has fewer permits before it than its limit.
 */
export function holdersOf(queue: readonly Ticket[], limitOf: (permit: Ticket) => number): readonly Ticket[] {
  const holders: Ticket[] = [];
  let permits = 0;
  for (const [place, ticket] of queue.entries()) {
    switch (ticket.demand) {
      case "exclusive":
        return place === 0 ? [ticket] : holders;
      case "shared":
        holders.push(ticket);
        break;
      case "permit":
        if (permits < limitOf(ticket)) holders.push(ticket);
        permits += 1;
        break;
      default:
        ticket.demand satisfies never;
    }
  }
  return holders;
}

/** The tickets whose contents it takes to say who holds. */
export function tellingTickets(queue: readonly Ticket[]): readonly Ticket[] {
  if (queue[0]?.demand === "exclusive") {
    return queue.filter(({ demand }, place) => place === 0 || demand === "shared");
  }
  const firstExclusive = queue.findIndex(({ demand }) => demand === "exclusive");
  return firstExclusive < 0 ? queue : queue.slice(0, firstExclusive);
}

/**
 * Who holds, for people to see: as `holdersOf`, and by what the owners say. A permit goes by the limit that its owner asked for;
 * where none is told, by the one that is stored. A reader whose owner also has the write ticket at the head holds when it says so
 * (a downgrade); and a write ticket that was given back, and keeps its place for such a reader, holds no more.
 */
export function holdersByTheirWord(queue: readonly Ticket[], contents: Contents, storedLimit = 1): readonly Ticket[] {
  const [first] = queue;
  if (first?.demand !== "exclusive") {
    return holdersOf(queue, (permit) => readLimit(contents.get(permit)?.data) ?? storedLimit);
  }
  const head = contents.get(first);
  const readers = queue.filter((ticket) => {
    const content = ticket.demand === "shared" ? contents.get(ticket) : undefined;
    return content !== undefined && content.owner === head?.owner && readGrant(content.data) !== undefined;
  });
  return isKept(head?.data) ? readers : [first, ...readers];
}
