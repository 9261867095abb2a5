import type { Ticket } from "./ticket.js";

/** Who holds, of a queue in order: the first if it is exclusive, all leading readers, or the first `limit` permits. */
export function holdersOf(queue: readonly Ticket[], limit: number): readonly Ticket[] {
  const [first] = queue;
  if (first === undefined) return [];
  switch (first.demand) {
    case "exclusive":
      return [first];
    case "shared": {
      const nextWriter = queue.findIndex(({ demand }) => demand === "exclusive");
      return nextWriter < 0 ? queue : queue.slice(0, nextWriter);
    }
    case "permit":
      return queue.slice(0, limit);
    default:
      return first.demand satisfies never;
  }
}
