import type { Session } from "./session.js";
import type { Kind, Listing, Ticket } from "./ticket.js";

/** A place in a queue, as it is asked for. */
export interface Entry {
  /** What the ticket is found by; no other ticket has it. */
  readonly id: string;
  readonly kind: Kind;
  /** Written on the ticket, for others to read. */
  readonly data: Buffer;
}

/**
 * What the lock recipe needs of a coordination service, in its own words. `queue` names the queue of one resource.
 * Queues need not be made: one in which nobody stands is empty. Tickets come parsed, and in order.
 *
 * Every call rejects with ConnectionLossError when its outcome is unknown, with SessionLostError when the session is
 * over, with AccessDeniedError when the service refuses it for want of rights; other refusals reject with a LockError
 * that names the service's code.
 */
export interface QueuePort {
  readonly session: Session;
  /**
   * Counts a ticket as the session's, so that its lease is kept alive; to be called before it is asked for. The
   * returned function ends that, once the ticket is gone for certain.
   * @throws SessionFullError where the session can have no more
   */
  reserve(queue: string, entry: Entry): () => void;
  /**
   * Takes a ticket and looks at the queue, in one round trip. Null: whatever holds the queue was gone again as the
   * ticket arrived. `onTaken` is told the ticket's ref as soon as there is one, which may be before a rejection: the
   * ticket is there then all the same.
   */
  enter(queue: string, entry: Entry, onTaken: (ref: string) => void): Promise<Listing | null>;
  /**
   * What came of an `enter` whose outcome is unknown: our ticket, and the queue that it stands in. Null: there is none,
   * and none can appear any more.
   */
  resume(queue: string, id: string): Promise<{ own: Ticket; listing: Listing } | null>;
  /**
   * Gives a ticket of ours up. `ref` is null where the outcome of its `enter` is unknown. Once this has resolved, the
   * ticket is gone, and can never appear.
   */
  leave(queue: string, id: string, ref: string | null): Promise<void>;
  list(queue: string): Promise<Listing>;
  /** The session that owns a ticket, and what is written on it; null: there is no such ticket. Leaves no watch. */
  read(ref: string): Promise<TicketContent | null>;
  /**
   * As `read`, and calls `onEvent` once when the ticket goes or is written on; on a missing ticket it leaves no watch
   * behind. `forget` unhooks the listener. A watch does not outlive the connection it was set on: look again after a
   * reconnect.
   */
  watch(ref: string, onEvent: () => void): Promise<{ content: TicketContent | null; forget: () => void }>;
  /** The queue now, and `onEvent` once when a ticket comes or goes; also in a queue that nobody has stood in yet. */
  watchQueue(queue: string, onEvent: () => void): Promise<{ listing: Listing; forget: () => void }>;
  /** Writes on a ticket, unless somebody else has written there since that version, or it is gone: then false. */
  write(ref: string, data: Buffer, version: Version): Promise<boolean>;
  /**
   * What is stored with the resource: empty where nobody has stored anything. It may go when the queue is empty. Null:
   * it cannot be stored now, for nobody stands in the queue.
   */
  settings(queue: string): Promise<Settings | null>;
  /** Stores it, unless somebody else has since that version, or nobody stands in the queue: then false. */
  saveSettings(queue: string, data: Buffer, version: Version): Promise<boolean>;
  /** Resolves when the ticket is gone, whoever deleted it. */
  remove(ref: string): Promise<void>;
  /**
   * Has a queue that is past its end begun anew, once nobody stands in it: then null. Else one of those who do; when it
   * has gone, ask again.
   */
  retire(queue: string): Promise<Ticket | null>;
  /** The names of the queues below a root. */
  queues(root: string): Promise<readonly string[]>;
  /**
   * Ends the session, with all tickets in it, for a reason that is told once as the manager's `error`. Null, and
   * nothing happens, where the session is not ours to end: its client belongs to somebody else.
   */
  endSession(reason: Error): Promise<void> | null;
  /** Asks the quorum whether the ticket is there, which also freshens the lease. */
  confirm(ref: string): Promise<boolean>;
}

/** The part of it that looks at queues from outside, and takes no place in any. */
export type LookPort = Pick<QueuePort, "list" | "read" | "settings" | "write" | "remove" | "queues">;

/** Of what is written: which writing it is. "untouched": nobody has written there since the ticket was taken. */
export type Version = number | "untouched";

export interface Settings {
  readonly data: Buffer;
  readonly version: Version;
}

export interface TicketContent {
  readonly data: Buffer;
  /** The session's id, as Session.id. */
  readonly owner: string;
  readonly createdAt: Date;
  readonly version: Version;
}

/** The answer did not arrive: what was asked may have happened, or may not. Never leaves the library. */
export class ConnectionLossError extends Error {
  override readonly name = "ConnectionLossError";
}
