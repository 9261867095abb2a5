/**
 * The number a grant returns. Every later hold of the same resource, by anybody, has a strictly greater one; always a
 * safe integer.
 */
export type FencingToken = number;

/** The kinds of lock whose tickets stand in one queue. */
export type Kind = "mutex" | "read" | "write" | "semaphore";

/** What a ticket asks for: the resource for itself, to share it with other readers, or one of its permits. */
export type Demand = "exclusive" | "shared" | "permit";

/** A contender's place in a queue, as the engine read it. */
export interface Ticket {
  /** What the engine finds it by; the same one is the same ticket. The core does not look inside. */
  readonly ref: string;
  /** What its owner called it as it entered; null where other recipes call it nothing. */
  readonly id: string | null;
  /** Its rank in the queue; no two tickets of one queue have the same, and a later one has a greater. */
  readonly order: number;
  readonly kind: Kind;
  readonly demand: Demand;
  /** @throws TokenRangeError where it would be no safe integer */
  readonly token: FencingToken;
  /** It was taken past the end of its queue's life. It has no turn: its owner leaves, sees to QueuePort.retire, and enters again. */
  readonly isPastEnd: boolean;
}

/** A queue, as one answer showed it. */
export interface Listing {
  /** In order. One answer that serves many has one array for all of them. */
  readonly tickets: readonly Ticket[];
  /** The refs of our own tickets that were taken right in front of this very listing, each of which was answered by it. */
  readonly takenTogether?: ReadonlySet<string>;
}

/** What a contender reads from a queue. */
export interface Place {
  readonly ticket: Ticket;
  /** How many stand before us. */
  readonly ahead: number;
  /** All that stand in the queue, in order. */
  readonly queue: readonly Ticket[];
}

/** What was read from a listing that serves many of ours, so that it is read once. */
const places = new WeakMap<readonly Ticket[], ReadonlyMap<string | null, number>>();
const lasts = new WeakMap<readonly Ticket[], number>();
const NONE: ReadonlySet<string> = new Set();

/** Where the contender with this id stands; null: it has no ticket in this queue. */
export function placeOf(queue: readonly Ticket[], id: string): Place | null {
  let byId = places.get(queue);
  if (byId === undefined) {
    byId = new Map(queue.map((ticket, ahead) => [ticket.id, ahead] as const).reverse());
    places.set(queue, byId);
  }
  const ahead = byId.get(id);
  const ticket = ahead === undefined ? undefined : queue[ahead];
  return ahead === undefined || ticket === undefined ? null : { ticket, ahead, queue };
}

/** Where the last ticket stands that is not one of these refs; -1: all are. Found once for all that ask about one queue. */
export function lastNotIn(queue: readonly Ticket[], refs: ReadonlySet<string> = NONE): number {
  let last = lasts.get(queue);
  if (last === undefined) {
    last = queue.findLastIndex(({ ref }) => !refs.has(ref));
    lasts.set(queue, last);
  }
  return last;
}

/**
 * The note on a ticket by which somebody asks its holder to give it back, with the time in milliseconds. An engine on
 * which other recipes write that wish in another form reads it in this one.
 */
export const RELEASE_REQUESTED_AT = "releaseRequestedAt";
