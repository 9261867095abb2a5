import { LockError } from "../../errors.js";
import type { Entry, QueuePort, Settings, TicketContent, Version } from "../../engine/queue-port.js";
import type { Session } from "../../engine/session.js";
import type { Listing, Ticket } from "../../engine/ticket.js";
import type { Attachment } from "../session/session-carrier.js";
import { Code, isUnknownOutcome } from "../client/codes.js";
import type { Reply } from "../client/link.js";
import type { LongReplies } from "../session/long-replies.js";
import { Directories } from "./directories.js";
import { type Children, denied, NodeRequests } from "./node-requests.js";
import {
  childAsTicket,
  type ListedDirectory,
  longestName,
  SEQUENCE_LIMIT,
  ticketPrefix,
  ticketsAmong,
} from "./ticket-names.js";

/** ZooKeeper takes no node of a megabyte, and hangs up on who sends one. */
const LONGEST_DATA_BYTES = 1_000_000;
const EMPTY: Listing = { tickets: [] };

/**
 * The queue port on a session of ZooKeeper: a queue is a directory, a ticket a node in it, its ref the node's path, and
 * what is stored with the resource the directory's data.
 */
export class ZooKeeperQueue implements QueuePort {
  readonly session: Session;
  readonly #nodes: NodeRequests;
  readonly #directories: Directories;
  /** The paths of the tickets that were taken in front of a listing, by the promise of that listing. */
  readonly #takenTogether = new WeakMap<Promise<unknown>, Set<string>>();
  /** A listing that serves many of ours is read once. */
  readonly #read = new WeakMap<Children, readonly Ticket[]>();

  /**
   * @param restricted whether directories get an ACL of the session's user
   * @param sequenceLimit the sequence past which a directory is retired
   */
  constructor(
    private readonly attachment: Attachment,
    restricted: boolean,
    longReplies: LongReplies,
    private readonly sequenceLimit = SEQUENCE_LIMIT,
  ) {
    this.session = attachment.session;
    this.#nodes = new NodeRequests(attachment, longReplies);
    this.#directories = new Directories(restricted);
  }

  reserve(directory: string, { id, kind }: Entry): () => void {
    return this.session.use(`${directory}/${longestName(id, kind)}`);
  }

  async enter(directory: string, entry: Entry, onTaken: (ref: string) => void): Promise<Listing | null> {
    const taken = await this.#enter(directory, entry, onTaken, false);
    // It is missing: what makes it goes out in the same burst, ahead of the ticket.
    return taken ?? this.#enter(directory, entry, onTaken, true);
  }

  async resume(directory: string, id: string): Promise<{ own: Ticket; listing: Listing } | null> {
    await this.session.linked();
    // The server that answers now may lag behind the one that took the create: what the quorum agreed on before it answers the
    // question in front of the listing, the listing shows.
    const [, listing] = await Promise.all([this.confirm(directory), this.list(directory)]);
    const own = listing.tickets.find((ticket) => ticket.id === id);
    if (own === undefined) return null;
    const content = await this.read(own.ref);
    // An id can be copied by anybody who can write here; only what is our session's is ours.
    return content?.owner === this.session.id ? { own, listing } : null;
  }

  /** A create that is still on its way when `resume` is answered is refused: its connection is not the session's any more. */
  async leave(directory: string, id: string, ref: string | null): Promise<void> {
    const path = ref ?? (await this.resume(directory, id))?.own.ref;
    if (path !== undefined) await this.remove(path);
  }

  async list(directory: string): Promise<Listing> {
    const listed = await this.#nodes.children(directory);
    return this.#listing(directory, listed.code === Code.noNode ? null : this.#nodes.value(listed, directory));
  }

  async read(path: string): Promise<TicketContent | null> {
    const got = await this.#nodes.get(path);
    return got.code === Code.noNode ? null : this.#nodes.value(got, path);
  }

  async watch(path: string, onEvent: () => void): Promise<{ content: TicketContent | null; forget: () => void }> {
    const { value, forget } = await this.#nodes.watching(path, onEvent, () => this.#nodes.get(path, true));
    return { content: value, forget };
  }

  /** A missing directory is made: one that is not there cannot be watched. */
  async watchQueue(directory: string, onEvent: () => void): Promise<{ listing: Listing; forget: () => void }> {
    for (;;) {
      const ask = (): Promise<Reply<Children>> => this.#nodes.children(directory, true);
      const { value, forget } = await this.#nodes.watching(directory, onEvent, ask);
      if (value !== null) return { listing: this.#listing(directory, value), forget };
      await this.#makeDirectory(directory);
    }
  }

  async write(path: string, data: Buffer, version: Version): Promise<boolean> {
    return this.#nodes.set(path, data, version);
  }

  async settings(directory: string): Promise<Settings | null> {
    return this.read(directory);
  }

  async saveSettings(directory: string, data: Buffer, version: Version): Promise<boolean> {
    if (data.length > LONGEST_DATA_BYTES) {
      throw new LockError(`What is stored with ${directory} does not fit into one node of ZooKeeper any more.`);
    }
    return this.#nodes.set(directory, data, version);
  }

  async remove(path: string): Promise<void> {
    const deleted = await this.#nodes.delete(path);
    if (deleted.code !== Code.noNode) this.#nodes.value(deleted, path);
  }

  /**
   * The tokens go on rising, for the next directory's czxid is past every number that was given out in this one. A
   * child that is no ticket is in the way as well.
   */
  async retire(directory: string): Promise<Ticket | null> {
    for (;;) {
      const listed = await this.#nodes.children(directory);
      const found = listed.code === Code.noNode ? null : this.#nodes.value(listed, directory);
      const last = found?.children.at(-1);
      if (found && last !== undefined) return childAsTicket(last, this.#described(directory, found));
      const deleted = await this.#nodes.delete(directory);
      if (deleted.code === Code.notEmpty) continue;
      if (deleted.code !== Code.noNode) this.#nodes.value(deleted, directory);
      this.#directories.forget(directory);
      return null;
    }
  }

  async queues(rootDir: string): Promise<readonly string[]> {
    const listed = await this.#nodes.children(rootDir);
    return listed.code === Code.noNode ? [] : this.#nodes.value(listed, rootDir).children;
  }

  endSession(reason: Error): Promise<void> | null {
    return this.attachment.endSession(reason);
  }

  async confirm(path: string): Promise<boolean> {
    return this.#nodes.confirm(path);
  }

  /** Null: the directory was not there when the ticket arrived, or went at once with the ticket in it. */
  async #enter(
    directory: string,
    { id, kind, data }: Entry,
    onTaken: (ref: string) => void,
    makesDirectory: boolean,
  ): Promise<Listing | null> {
    const nodes = this.#nodes;
    if (!this.#directories.isReady(directory)) await this.#secure(directory);
    const making = makesDirectory ? this.#directories.make(nodes.link, directory) : [];
    const creating = nodes.create(`${directory}/${ticketPrefix(id, kind)}`, data);
    // Many tickets that are taken in one turn have one listing, behind the last of them.
    const listing = nodes.sharedChildren(directory);
    const together = this.#takenTogether.get(listing) ?? new Set<string>();
    this.#takenTogether.set(listing, together);
    // Where it cannot be read, that is said once the ticket has been withdrawn.
    listing.catch(() => undefined);
    void creating.then(({ value }) => value !== null && together.add(value));
    const [made, created] = await Promise.all([making, creating]);
    nodes.proves(created);
    const tell = (): void => onTaken(nodes.value(created, directory));
    const listed = await listing.catch((error: unknown) => {
      if (created.code === Code.ok) tell();
      throw error;
    });
    // Or it was deleted behind our ticket's arrival, with the ticket in it.
    if (created.code === Code.noNode || (created.code === Code.ok && listed.code === Code.noNode)) {
      this.#directories.forget(directory);
      this.#assertNotRefused(made, directory);
      return null;
    }
    tell();
    const found = nodes.value(listed, directory);
    // It may have been deleted since we secured it, and made anew by somebody who did not.
    if (!this.#directories.isRestricted(found)) await this.#secureAgain(directory);
    return { ...this.#listing(directory, found), takenTogether: together };
  }

  #listing(directory: string, found: Children | null): Listing {
    if (found === null) return EMPTY;
    const tickets = this.#read.get(found) ?? ticketsAmong(found.children, this.#described(directory, found));
    this.#read.set(found, tickets);
    return { tickets };
  }

  #described(path: string, { czxid }: Children): ListedDirectory {
    return { path, czxid, sequenceLimit: this.sequenceLimit };
  }

  async #makeDirectory(directory: string): Promise<void> {
    if (!this.#directories.isReady(directory)) return this.#secure(directory);
    this.#assertNotRefused(await this.#directories.make(this.#nodes.link, directory), directory);
  }

  /** Not that it is there: what is above it may have been deleted meanwhile, or it itself. */
  #assertNotRefused(made: readonly Reply<unknown>[], directory: string): void {
    if (isRefused(made)) throw denied(directory);
    const own = made.at(-1);
    if (own !== undefined && own.code !== Code.nodeExists && own.code !== Code.noNode) {
      this.#nodes.value(own, directory);
    }
  }

  async #secure(directory: string): Promise<void> {
    const replies = await this.#directories.secure(this.#nodes.link, directory);
    const unanswered = replies.find(({ code }) => isUnknownOutcome(code));
    if (unanswered !== undefined) this.#nodes.value(unanswered, directory);
    const own = replies.at(-1);
    if (own !== undefined && own.code !== Code.noNode) this.#nodes.value(own, directory);
  }

  async #secureAgain(directory: string): Promise<void> {
    this.#directories.forget(directory);
    await this.#secure(directory);
  }
}

/** The directory could not be made, for want of rights on a level of its path; rights on levels that exist do not matter. */
function isRefused(made: readonly Reply<unknown>[]): boolean {
  const own = made.at(-1)?.code;
  return own === Code.noAuth || (own === Code.noNode && made.some(({ code }) => code === Code.noAuth));
}
