import { TokenRangeError } from "../../errors.js";
import type { Demand, FencingToken, Kind, Ticket } from "../../engine/ticket.js";

/** A ticket, as far as the name of its node tells. */
export interface TicketName {
  /** The node's name inside the directory. */
  readonly name: string;
  /** The counter ZooKeeper appended to the name. */
  readonly sequence: number;
  readonly kind: Kind;
  readonly demand: Demand;
}

/**
 * Past this number a directory is retired: near 2^31 the server gives numbers twice, or none, or negative ones. A
 * hundred and forty-seven million are left for those who are drawing at the same moment.
 */
export const SEQUENCE_LIMIT = 2_000_000_000;

/** What the server appends to a ticket's prefix: ten digits, or a minus and nine. */
const SEQUENCE_LENGTH = 10;

/**
 * What stands before the sequence, and whose it is. Ours are Apache Curator's, so that its InterProcessMutex and
 * InterProcessReadWriteLock queue with us; kazoo's are read as well. Semaphore permits are a recipe of our own. Their
 * marker ends in `-lock-`: Curator's mutex orders children by what stands behind the last "lock-" of their names, and
 * would be granted while permits without it are held. (Permits were called `-permit-` once, and are still read so.)
 */
const KINDS: Readonly<Record<string, Kind>> = {
  "-permit-lock-": "semaphore",
  "-lock-": "mutex",
  __lock__: "mutex",
  __WRIT__: "write",
  __READ__: "read",
  __rlock__: "read",
  "-permit-": "semaphore",
};

/** Between the id and the sequence of our own. */
const MARKERS = { mutex: "-lock-", write: "-__WRIT__", read: "-__READ__", semaphore: "-permit-lock-" } as const;

const DEMANDS = { mutex: "exclusive", write: "exclusive", read: "shared", semaphore: "permit" } as const;

const TICKET_NAME = /(-permit-lock-|-lock-|__lock__|__WRIT__|__READ__|__rlock__|-permit-)(\d{10})$/;

/** What the name of a ticket of ours starts with; ZooKeeper appends the sequence. */
export function ticketPrefix(id: string, kind: Kind): string {
  return `${id}${MARKERS[kind]}`;
}

/** A name as long as the one that the ticket will have. */
export function longestName(id: string, kind: Kind): string {
  return ticketPrefix(id, kind) + "0".repeat(SEQUENCE_LENGTH);
}

/** Null for a child that is no ticket, or whose counter has run over into the negative. */
export function parseTicket(name: string): TicketName | null {
  const [, marker = "", digits] = TICKET_NAME.exec(name) ?? [];
  const kind = KINDS[marker];
  return kind === undefined ? null : { name, sequence: Number(digits), kind, demand: DEMANDS[kind] };
}

/** The tickets among a directory's children, in queue order. */
export function queueOf(children: readonly string[]): TicketName[] {
  return children.flatMap((name) => parseTicket(name) ?? []).sort(inQueueOrder);
}

/**
 * The fencing token of a ticket: the zxid at which its directory was created, plus its sequence. It never goes back,
 * because each create in the old directory took a zxid of its own before the new directory could be made.
 * @throws TokenRangeError past the safe integers (two million leader elections).
 */
export function fencingToken(directoryCzxid: number, sequence: number): FencingToken {
  const token = directoryCzxid + sequence;
  if (!Number.isSafeInteger(token) || token < 0) {
    throw new TokenRangeError(
      `The directory's czxid ${directoryCzxid} and the sequence ${sequence} give no safe integer; start a new ensemble epoch count or another rootDir on a fresh ensemble.`,
    );
  }
  return token;
}

/** The directory that tickets were listed in. */
export interface ListedDirectory {
  readonly path: string;
  readonly czxid: number;
  readonly sequenceLimit: number;
}

/** A child of a directory. What few ask for is made when they do: listings are long. */
class NodeTicket implements Ticket {
  readonly order: number;
  readonly kind: Kind;
  readonly demand: Demand;

  constructor(
    private readonly directory: ListedDirectory,
    private readonly node: TicketName,
  ) {
    this.order = node.sequence;
    this.kind = node.kind;
    this.demand = node.demand;
  }

  get ref(): string {
    return `${this.directory.path}/${this.node.name}`;
  }

  get id(): string | null {
    const length = this.node.name.indexOf("-");
    return length < 0 ? null : this.node.name.slice(0, length);
  }

  get token(): FencingToken {
    return fencingToken(this.directory.czxid, this.order);
  }

  get isPastEnd(): boolean {
    return this.order > this.directory.sequenceLimit;
  }
}

/** The tickets among the children of a directory, in queue order. */
export function ticketsAmong(children: readonly string[], directory: ListedDirectory): readonly Ticket[] {
  return queueOf(children).map((node) => new NodeTicket(directory, node));
}

/** Any child, as something that can be waited for. */
export function childAsTicket(name: string, directory: ListedDirectory): Ticket {
  return new NodeTicket(directory, { name, sequence: 0, kind: "mutex", demand: "exclusive" });
}

function inQueueOrder(a: TicketName, b: TicketName): number {
  return a.sequence - b.sequence || (a.name < b.name ? -1 : 1);
}
