import type { Clock } from "../common/clock.js";
import { addNote, writeGrant, writeKept } from "../queue/ticket-note.js";
import { insist } from "../engine/until-answered.js";
import type { Turn } from "../queue/contender.js";
import type { QueueOptions } from "../queue/queue-options.js";
import type { QueuePort } from "../engine/queue-port.js";

/** A hold that lasts longer than this, and had to be waited for, writes on its ticket since when it is held. */
const ANNOUNCE_GRANT_AFTER_MS = 1_000;

/** Whose ticket is written on, and how. */
export interface Announcer {
  readonly port: QueuePort;
  readonly turn: Turn;
  readonly options: QueueOptions;
}

/**
 * Writes on a ticket since when it is held, where that is worth a write; the returned function takes it back.
 *
 * Those behind us in a semaphore's line wait for this word, also where we did not have to wait: somebody may have left, and
 * somebody else have come, between our ticket's arrival and our look at the queue. For other holds it is news for people
 * (`inspect`), and worth a write only if the hold lasts; but a reader behind its own write ticket is taken for a waiter without it.
 */
export function announceGrant(announcer: Announcer, clock: Clock, isCurrent: () => boolean): () => void {
  const { turn, options } = announcer;
  const { waited, isFollowed, queue, ticket } = turn;
  const announce = (): void => {
    if (isCurrent()) void writeGrantOn(announcer).catch(() => undefined);
  };
  const { kind } = options.discipline;
  const isExclusiveBefore = queue.some(({ demand, order }) => demand === "exclusive" && order < ticket.order);
  if (kind === "read" && isExclusiveBefore) announce();
  else if (kind !== "semaphore") return waited ? clock.after(ANNOUNCE_GRANT_AFTER_MS, announce) : () => undefined;
  else if (waited || isFollowed) announce();
  return () => undefined;
}

/** Writes on a write ticket that it is held no more, though it keeps its place for a reader. */
export function announceKept({ port, turn, options }: Announcer): void {
  const since = new Date();
  const write = (): Promise<boolean> => addNote(port, turn.ticket.ref, (data) => writeKept(data, since));
  void insist(write, port.session, options.pause).catch(() => undefined);
}

async function writeGrantOn({ port, turn, options }: Announcer): Promise<void> {
  const since = new Date();
  const write = (): Promise<boolean> => port.write(turn.ticket.ref, writeGrant(options.data, since), "untouched");
  if (await insist(write, port.session, options.pause)) return;
  // Somebody has written there, who wants it back: that stays.
  await insist(() => addNote(port, turn.ticket.ref, (data) => writeGrant(data, since)), port.session, options.pause);
}
