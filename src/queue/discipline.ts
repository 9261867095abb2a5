import type { Kind, Place, Ticket } from "../engine/ticket.js";

/**
 * How a kind of lock reads its queue: what stands between a ticket and its turn.
 *
 * Each waits for one thing only, so that one departure wakes one waiter.
 */
export interface Discipline {
  readonly kind: Kind;
  /** True where holders live side by side: their tokens are no fence. */
  readonly shared: boolean;
  /**
   * What has to happen before our turn: this ticket has to go, or anybody at all ("departures"). Null: it is our turn.
   */
  obstacle(place: Place): Ticket | "departures" | null;
  /** How many may hold at a time, where that is stored with the resource. */
  readonly limit?: number;
  /** Replaces another limit that is stored, instead of being refused. */
  readonly replacesLimit?: boolean;
}

/** The next one before us, whatever it asks for. */
const predecessor = ({ queue, ahead }: Place): Ticket | null => queue[ahead - 1] ?? null;

/** The permits before a place, in order. */
function permitsBefore({ queue, ahead }: Place): Ticket[] {
  return queue.slice(0, ahead).filter(({ demand }) => demand === "permit");
}

/** One holder at a time. */
export const mutex: Discipline = {
  kind: "mutex",
  shared: false,
  obstacle: predecessor,
};

/** A writer waits for all before it, one by one. */
export const write: Discipline = {
  kind: "write",
  shared: false,
  obstacle: predecessor,
};

/** A reader waits for the last writer before it: writers before that one go first, by the same rule. */
export const read: Discipline = {
  kind: "read",
  shared: true,
  obstacle: ({ queue, ahead }) => queue.slice(0, ahead).findLast(({ demand }) => demand === "exclusive") ?? null,
};

/**
 * A permit waits for the last exclusive ticket before it, as a reader does. After that the first `limit` permits hold; readers
 * live beside them and do not count. Only the first in line behind them listens for departures of any of them; each one further
 * back watches the permit before it, whose owner writes on its ticket when it has been granted. (To watch the ticket `limit`
 * places ahead would lose wake-ups: with two permits, the second holder's release would wake nobody.)
 */
export function semaphore(limit: number, replacesLimit: boolean): Discipline {
  return {
    kind: "semaphore",
    shared: true,
    limit,
    replacesLimit,
    obstacle: (place) => {
      const exclusive = read.obstacle(place);
      if (exclusive !== null) return exclusive;
      const permits = permitsBefore(place);
      if (permits.length < limit) return null;
      return permits.length === limit ? "departures" : (permits.at(-1) ?? null);
    },
  };
}

/**
 * Whether the owner of the permit before `place`, which goes by `itsLimit`, has yet to be granted, and will be before a permit at
 * `place` can be. Not where it may hold since its first look, for which it need not write; nor where it goes by a smaller limit.
 */
export function announcesInTime(place: Place, { limit = 0 }: Discipline, itsLimit = 0): boolean {
  return permitsBefore(place).length > itsLimit && itsLimit >= limit;
}
