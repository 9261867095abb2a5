import type { Ticket } from "./ticket.js";

/**
 * Who holds, of a queue in order, whatever kinds are in it. An exclusive ticket holds if it is the first; nobody behind one does
 * before it has gone. Up to there all readers hold, and the first `limit` permits, side by side.
 */
export function holdersOf(queue: readonly Ticket[], limit: number): readonly Ticket[] {
  const holders: Ticket[] = [];
  let permitsLeft = limit;
  for (const [place, ticket] of queue.entries()) {
    switch (ticket.demand) {
      case "exclusive":
        return place === 0 ? [ticket] : holders;
      case "shared":
        holders.push(ticket);
        break;
      case "permit":
        if (permitsLeft > 0) holders.push(ticket);
        permitsLeft -= 1;
        break;
      default:
        ticket.demand satisfies never;
    }
  }
  return holders;
}
