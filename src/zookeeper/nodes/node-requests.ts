import { AccessDeniedError, LockError, SessionLostError } from "../../errors.js";
import { ConnectionLossError, type TicketContent } from "../../engine/queue-port.js";
import type { ClientCalls } from "../client/client.js";
import { adviceOn, Code, codeName, isUnknownOutcome, provesQuorum } from "../client/codes.js";
import type { Link, Reply } from "../client/link.js";
import { probe } from "../session/handshake.js";
import type { LongReplies } from "../session/long-replies.js";
import type { Attachment } from "../session/session-carrier.js";
import { inOurWords } from "./revocation.js";

const EPHEMERAL_SEQUENTIAL = 3;
const ANY_VERSION = -1;
const UNWRITTEN = 0;
const ACCESS_CODES = new Set<number>([Code.noAuth, Code.authFailed, Code.saslRequired]);

/** What stands in a directory. */
export interface Children {
  /** The zxid at which the directory was created. */
  readonly czxid: number;
  /** How often its ACL was set. */
  readonly aclVersion: number;
  readonly children: readonly string[];
}

/** The requests about nodes that a queue is made of, each sent once. What the quorum answers is heard by the session. */
export class NodeRequests {
  constructor(
    private readonly attachment: Attachment,
    private readonly longReplies: LongReplies,
  ) {}

  get link(): Link {
    return this.attachment.link;
  }

  /** An ephemeral node; the reply has its path, with the sequence that the server appended. */
  create(prefix: string, data: Buffer): Promise<Reply<string>> {
    return this.link.request((calls, done) =>
      calls.a_create(prefix, data, EPHEMERAL_SEQUENTIAL, (code, _message, path) => done(code, path)),
    );
  }

  children(directory: string, watch = false): Promise<Reply<Children>> {
    return this.longReplies.children(directory, watch, listChildren(directory, watch));
  }

  /** One promise for all that ask in one turn, where it can be. */
  sharedChildren(directory: string): Promise<Reply<Children>> {
    return this.longReplies.sharedChildren(directory, listChildren(directory, false));
  }

  get(path: string, watch = false): Promise<Reply<TicketContent>> {
    return this.longReplies.data(path, watch, (calls, done) =>
      calls.a_get(path, watch, (code, _message, stat, data) =>
        done(
          code,
          stat && {
            data: inOurWords(data ?? Buffer.alloc(0), stat.mtime),
            owner: stat.ephemeralOwner,
            createdAt: stat.ctime,
            version: stat.version === UNWRITTEN ? "untouched" : stat.version,
          },
        ),
      ),
    );
  }

  /** False: somebody has written there since, or it is gone. */
  async set(path: string, data: Buffer, version: number | "untouched"): Promise<boolean> {
    const written = await this.link.request((calls, done) =>
      calls.a_set(path, data, version === "untouched" ? UNWRITTEN : version, (code) => done(code, null)),
    );
    this.proves(written);
    if (written.code === Code.badVersion || written.code === Code.noNode) return false;
    this.value(written, path);
    return true;
  }

  async delete(path: string): Promise<Reply<unknown>> {
    const deleted = await this.link.request((calls, done) =>
      calls.a_delete_(path, ANY_VERSION, (code) => done(code, null)),
    );
    this.proves(deleted);
    return deleted;
  }

  /** Whether the node is there, as the quorum knows. */
  async confirm(path: string): Promise<boolean> {
    const answer = await probe(this.link, path);
    this.proves(answer);
    // Refused for its version, or for want of rights on it: either way the node is there.
    if (answer.code === Code.noNode) return false;
    if (answer.code !== Code.badVersion && answer.code !== Code.noAuth) this.value(answer, path);
    return true;
  }

  /**
   * A read that sets a watch; null for a missing node, on which no watch is left. Asked only when there is room for the
   * watch: one that was refused must not be on the server all the same.
   */
  async watching<T>(
    path: string,
    onEvent: () => void,
    ask: () => Promise<Reply<T>>,
  ): Promise<{ value: T | null; forget: () => void }> {
    const { watches } = this.attachment;
    const forget = watches.arm(path, onEvent);
    try {
      const got = await ask();
      if (got.code !== Code.ok) watches.disarm(path);
      const value = got.code === Code.noNode ? null : this.value(got, path);
      if (value === null) forget();
      return { value, forget };
    } catch (error) {
      forget();
      throw error;
    }
  }

  /** A write was answered: the quorum heard us. A read proves nothing, for a follower that is cut off answers it alone. */
  proves(write: Reply<unknown>): void {
    if (provesQuorum(write.code)) this.attachment.session.heard(write.sentAt);
  }

  /** @throws what the port promises for anything but a good answer */
  value<T>(reply: Reply<T>, path: string): T {
    if (reply.code === Code.ok) return reply.value as T;
    if (isUnknownOutcome(reply.code)) {
      throw this.attachment.session.ended
        ? new SessionLostError("The ZooKeeper session has ended.")
        : new ConnectionLossError(`The connection was lost: ${codeName(reply.code)}.`);
    }
    if (ACCESS_CODES.has(reply.code)) throw denied(path);
    throw new LockError(`ZooKeeper refused a request about ${path}: ${codeName(reply.code)}.${adviceOn(reply.code)}`);
  }
}

export function denied(path: string): AccessDeniedError {
  return new AccessDeniedError(`The ACL of ${path} does not let this session in; see the \`auth\` option.`);
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
