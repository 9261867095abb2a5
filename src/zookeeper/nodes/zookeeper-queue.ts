import { AccessDeniedError, LockError, SessionLostError } from "../../errors.js";
import type { Session } from "../../engine/session.js";
import type { Attachment } from "../session/session-carrier.js";
import type { ClientCalls } from "../client/client.js";
import { adviceOn, Code, codeName, isUnknownOutcome, provesQuorum } from "../client/codes.js";
import { Directories } from "./directories.js";
import { probe } from "../session/handshake.js";
import type { Reply } from "../client/link.js";
import type { LongReplies } from "../session/long-replies.js";
import { ConnectionLossError, type Listing, type NodeContent, type QueuePort } from "../../engine/queue-port.js";

const EPHEMERAL_SEQUENTIAL = 3;
const ANY_VERSION = -1;
const ACCESS_CODES = new Set<number>([Code.noAuth, Code.authFailed, Code.saslRequired]);

type Children = Listing & { readonly aclVersion: number };

/** The queue port on a session of ZooKeeper. */
export class ZooKeeperQueue implements QueuePort {
  readonly session: Session;
  readonly #directories: Directories;
  /** The names of the tickets that were taken in front of a listing, by the promise of that listing. */
  readonly #takenTogether = new WeakMap<Promise<unknown>, Set<string>>();

  /** @param restricted whether directories get an ACL of the session's user */
  constructor(
    private readonly attachment: Attachment,
    restricted: boolean,
    private readonly longReplies: LongReplies,
  ) {
    this.session = attachment.session;
    this.#directories = new Directories(restricted);
  }

  async takeTicket(
    directory: string,
    prefix: string,
    data: Buffer,
    onTaken: (name: string) => void,
  ): Promise<Listing | null> {
    const taken = await this.#takeTicket(directory, prefix, data, onTaken, false);
    // It is missing: what makes it goes out in the same burst, ahead of the ticket.
    return taken ?? this.#takeTicket(directory, prefix, data, onTaken, true);
  }

  async list(directory: string): Promise<Listing | null> {
    const listed = await this.#children(directory);
    return listed.code === Code.noNode ? null : this.#value(listed, directory);
  }

  async read(path: string): Promise<NodeContent | null> {
    const got = await this.#get(path, false);
    return got.code === Code.noNode ? null : this.#value(got, path);
  }

  async watch(path: string, onEvent: () => void): Promise<{ content: NodeContent | null; forget: () => void }> {
    const { value, forget } = await this.#watching(path, onEvent, () => this.#get(path, true));
    return { content: value, forget };
  }

  async watchQueue(directory: string, onEvent: () => void): Promise<{ listing: Listing | null; forget: () => void }> {
    const { value, forget } = await this.#watching(directory, onEvent, () => this.#children(directory, true));
    return { listing: value, forget };
  }

  async stored(directory: string): Promise<{ data: Buffer; version: number } | null> {
    return this.read(directory);
  }

  async store(path: string, data: Buffer, version: number): Promise<boolean> {
    const written = await this.#set(path, data, version);
    if (written.code === Code.badVersion || written.code === Code.noNode) return false;
    this.#value(written, path);
    return true;
  }

  async remove(path: string): Promise<void> {
    const deleted = await this.#delete(path);
    if (deleted.code !== Code.noNode) this.#value(deleted, path);
  }

  async makeDirectory(directory: string): Promise<void> {
    if (!this.#directories.isReady(directory)) return this.#secure(directory);
    this.#assertNotRefused(await this.#directories.make(this.attachment.link, directory), directory);
  }

  async listDirectories(rootDir: string): Promise<readonly string[]> {
    return (await this.list(rootDir))?.children ?? [];
  }

  async removeDirectory(directory: string): Promise<boolean> {
    const deleted = await this.#delete(directory);
    if (deleted.code === Code.notEmpty) return false;
    if (deleted.code !== Code.noNode) this.#value(deleted, directory);
    this.#directories.forget(directory);
    return true;
  }

  endSession(reason: Error): Promise<void> | null {
    return this.attachment.endSession(reason);
  }

  async confirm(path: string): Promise<boolean> {
    const answer = await probe(this.attachment.link, path);
    this.#proves(answer);
    // Refused for its version, or for want of rights on it: either way the node is there.
    if (answer.code === Code.noNode) return false;
    if (answer.code !== Code.badVersion && answer.code !== Code.noAuth) this.#value(answer, path);
    return true;
  }

  /** Null: the directory was not there when the ticket arrived, or went at once with the ticket in it. */
  async #takeTicket(
    directory: string,
    prefix: string,
    data: Buffer,
    onTaken: (name: string) => void,
    makesDirectory: boolean,
  ): Promise<Listing | null> {
    if (!this.#directories.isReady(directory)) await this.#secure(directory);
    const making = makesDirectory ? this.#directories.make(this.attachment.link, directory) : [];
    const creating = this.#create(`${directory}/${prefix}`, data);
    // Many tickets that are taken in one turn have one listing, behind the last of them.
    const listing = this.longReplies.sharedChildren(directory, listChildren(directory, false));
    const together = this.#takenTogether.get(listing) ?? new Set<string>();
    this.#takenTogether.set(listing, together);
    // Where it cannot be read, that is said once the ticket has been withdrawn.
    listing.catch(() => undefined);
    void creating.then(({ value }) => value !== null && together.add(value.slice(directory.length + 1)));
    const [made, created] = await Promise.all([making, creating]);
    this.#proves(created);
    const tell = (): void => onTaken(this.#value(created, directory).slice(directory.length + 1));
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
    const { aclVersion, czxid, children } = this.#value(listed, directory);
    // It may have been deleted since we secured it, and made anew by somebody who did not.
    if (!this.#directories.isRestricted({ aclVersion })) await this.#secureAgain(directory);
    return { czxid, children, takenTogether: together };
  }

  /** Not that it is there: what is above it may have been deleted meanwhile, or it itself. */
  #assertNotRefused(made: readonly Reply<unknown>[], directory: string): void {
    if (isRefused(made)) throw denied(directory);
    const own = made.at(-1);
    if (own !== undefined && own.code !== Code.nodeExists && own.code !== Code.noNode) this.#value(own, directory);
  }

  async #secure(directory: string): Promise<void> {
    const replies = await this.#directories.secure(this.attachment.link, directory);
    const unanswered = replies.find(({ code }) => isUnknownOutcome(code));
    if (unanswered !== undefined) this.#value(unanswered, directory);
    const own = replies.at(-1);
    if (own !== undefined && own.code !== Code.noNode) this.#value(own, directory);
  }

  async #secureAgain(directory: string): Promise<void> {
    this.#directories.forget(directory);
    await this.#secure(directory);
  }

  #create(prefix: string, data: Buffer): Promise<Reply<string>> {
    return this.attachment.link.request((calls, done) =>
      calls.a_create(prefix, data, EPHEMERAL_SEQUENTIAL, (code, _message, path) => done(code, path)),
    );
  }

  /**
   * A read that sets a watch; null for a missing node, on which no watch is left. Asked only when there is room for the watch: one
   * that was refused must not be on the server all the same.
   */
  async #watching<T>(
    path: string,
    onEvent: () => void,
    ask: () => Promise<Reply<T>>,
  ): Promise<{ value: T | null; forget: () => void }> {
    const { watches } = this.attachment;
    const forget = watches.arm(path, onEvent);
    try {
      const got = await ask();
      if (got.code !== Code.ok) watches.disarm(path);
      const value = got.code === Code.noNode ? null : this.#value(got, path);
      if (value === null) forget();
      return { value, forget };
    } catch (error) {
      forget();
      throw error;
    }
  }

  async #set(path: string, data: Buffer, version: number): Promise<Reply<unknown>> {
    const written = await this.attachment.link.request((calls, done) =>
      calls.a_set(path, data, version, (code) => done(code, null)),
    );
    this.#proves(written);
    return written;
  }

  #children(directory: string, watch = false): Promise<Reply<Children>> {
    return this.longReplies.children(directory, watch, listChildren(directory, watch));
  }

  #get(path: string, watch: boolean): Promise<Reply<NodeContent>> {
    return this.longReplies.data(path, watch, (calls, done) =>
      calls.a_get(path, watch, (code, _message, stat, data) =>
        done(
          code,
          stat && {
            data: data ?? Buffer.alloc(0),
            owner: stat.ephemeralOwner,
            createdAt: stat.ctime,
            version: stat.version,
          },
        ),
      ),
    );
  }

  async #delete(path: string): Promise<Reply<unknown>> {
    const deleted = await this.attachment.link.request((calls, done) =>
      calls.a_delete_(path, ANY_VERSION, (code) => done(code, null)),
    );
    this.#proves(deleted);
    return deleted;
  }

  /** A write was answered: the quorum heard us. A read proves nothing, for a follower that is cut off answers it alone. */
  #proves(write: Reply<unknown>): void {
    if (provesQuorum(write.code)) this.session.heard(write.sentAt);
  }

  #value<T>(reply: Reply<T>, path: string): T {
    if (reply.code === Code.ok) return reply.value as T;
    if (isUnknownOutcome(reply.code)) {
      throw this.session.ended
        ? new SessionLostError("The ZooKeeper session has ended.")
        : new ConnectionLossError(`The connection was lost: ${codeName(reply.code)}.`);
    }
    if (ACCESS_CODES.has(reply.code)) throw denied(path);
    throw new LockError(`ZooKeeper refused a request about ${path}: ${codeName(reply.code)}.${adviceOn(reply.code)}`);
  }
}

function listChildren(
  directory: string,
  watch: boolean,
): (calls: ClientCalls, done: (code: number, value: Children | null) => void) => number {
  return (calls, done) =>
    calls.a_get_children2(directory, watch, (code, _message, children, stat) =>
      done(code, children && stat && { czxid: stat.czxid, aclVersion: stat.aversion, children }),
    );
}

/** The directory could not be made, for want of rights on a level of its path; rights on levels that exist do not matter. */
function isRefused(made: readonly Reply<unknown>[]): boolean {
  const own = made.at(-1)?.code;
  return own === Code.noAuth || (own === Code.noNode && made.some(({ code }) => code === Code.noAuth));
}

function denied(path: string): AccessDeniedError {
  return new AccessDeniedError(`The ACL of ${path} does not let this session in; see the \`auth\` option.`);
}
