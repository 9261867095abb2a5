import type { Session } from "./session.js";

/**
 * What the lock recipe needs of ZooKeeper, in its own words. Every call rejects with ConnectionLossError when its outcome is
 * unknown, with SessionLostError when the session is over, with AccessDeniedError when an ACL refuses it; other refusals of
 * the server reject with a LockError that names the server's code.
 */
export interface QueuePort {
  readonly session: Session;
  /**
   * Takes a ticket whose name starts with `prefix` and looks at the queue, in one round trip; makes the directory if it is
   * missing. Null: the directory was gone again as the ticket arrived. `onTaken` is told the new node's name as soon as there is
   * one, which may be before a rejection: the ticket is there then all the same.
   */
  takeTicket(directory: string, prefix: string, data: Buffer, onTaken: (name: string) => void): Promise<Listing | null>;
  /** Null: the directory is gone. */
  list(directory: string): Promise<Listing | null>;
  /** The session that owns a node, and what is written in it; null: there is no such node. Leaves no watch. */
  read(path: string): Promise<NodeContent | null>;
  /**
   * As `read`, and calls `onEvent` once when the node is deleted or changed; on a missing node it leaves no watch behind.
   * `forget` unhooks the listener. A watch does not outlive the connection it was set on: look again after a reconnect.
   */
  watch(path: string, onEvent: () => void): Promise<{ content: NodeContent | null; forget: () => void }>;
  /** The queue now, and `onEvent` once when a ticket comes or goes. Null: the directory is gone, and there is no watch. */
  watchQueue(directory: string, onEvent: () => void): Promise<{ listing: Listing | null; forget: () => void }>;
  /** What is stored with a resource, and the version to replace it by; null: the directory is gone. */
  stored(directory: string): Promise<{ data: Buffer; version: number } | null>;
  /** Writes into a node, unless somebody else has written there since `version`, or it is gone: then false. */
  store(path: string, data: Buffer, version: number): Promise<boolean>;
  /** Resolves when the node is gone, whoever deleted it. */
  remove(path: string): Promise<void>;
  /** Makes a directory, and what is above it, where it is missing. */
  makeDirectory(directory: string): Promise<void>;
  /** The names of the directories below a root. */
  listDirectories(rootDir: string): Promise<readonly string[]>;
  /** Deletes an empty directory; false: it was not empty. */
  removeDirectory(directory: string): Promise<boolean>;
  /**
   * Ends the session, with all tickets in it, for a reason that is told once as the manager's `error`. Null, and nothing happens,
   * where the session is not ours to end: its client belongs to somebody else.
   */
  endSession(reason: Error): Promise<void> | null;
  /** Asks the quorum whether the node is there, which also freshens the lease. */
  confirm(path: string): Promise<boolean>;
}

/** The part of it that looks at queues from outside, and takes no place in any. */
export type LookPort = Pick<QueuePort, "list" | "read" | "stored" | "store" | "remove" | "listDirectories">;

export interface Listing {
  /** The zxid at which the directory was created. */
  readonly czxid: number;
  readonly children: readonly string[];
  /** The names of our own tickets that were taken right in front of this very listing, each of which was answered by it. */
  readonly takenTogether?: ReadonlySet<string>;
}

export interface NodeContent {
  readonly data: Buffer;
  /** The session's id, as Session.id. */
  readonly owner: string;
  readonly createdAt: Date;
  readonly version: number;
}

/** The answer did not arrive: what was asked may have happened, or may not. Never leaves the library. */
export class ConnectionLossError extends Error {
  override readonly name = "ConnectionLossError";
}

/** The version of a node that nobody has written to since it was made. */
export const UNWRITTEN = 0;
