import { TokenRangeError } from "../errors.js";
import type { FencingToken } from "../common/fencing-token.js";

export type { FencingToken };

/** What a ticket asks for: the resource for itself, to share it with other readers, or one of its permits. */
export type Demand = "exclusive" | "shared" | "permit";

/** A contender's place in a queue, read from the name of its node. */
export interface Ticket {
  /** The node's name inside the directory. */
  readonly name: string;
  /** The counter ZooKeeper appended to the name. */
  readonly sequence: number;
  readonly demand: Demand;
}

/** What a contender reads from a queue. */
export interface Place {
  readonly ticket: Ticket;
  /** How many stand before us. */
  readonly ahead: number;
  /** All that stand in the queue, in order. */
  readonly queue: readonly Ticket[];
}

/**
 * Past this number a directory is retired: near 2^31 the server gives numbers twice, or none, or negative ones. A hundred and
 * forty-seven million are left for those who are drawing at the same moment.
 */
export const SEQUENCE_LIMIT = 2_000_000_000;

/**
 * What stands before the sequence, and what it asks for. Ours are Apache Curator's, so that its InterProcessMutex and
 * InterProcessReadWriteLock queue with us; kazoo's are read as well. Semaphore permits are a recipe of our own. Their marker
 * ends in `-lock-`: Curator's mutex orders children by what stands behind the last "lock-" of their names, and would be granted
 * while permits without it are held. (Permits were called `-permit-` once, and are still read so.)
 */
const MARKERS: Readonly<Record<string, Demand>> = {
  "-permit-lock-": "permit",
  "-lock-": "exclusive",
  __lock__: "exclusive",
  __WRIT__: "exclusive",
  __READ__: "shared",
  __rlock__: "shared",
  "-permit-": "permit",
};

const TICKET_NAME = /(-permit-lock-|-lock-|__lock__|__WRIT__|__READ__|__rlock__|-permit-)(\d{10})$/;

/** Null for a child that is no ticket, or whose counter has run over into the negative. */
export function parseTicket(name: string): Ticket | null {
  const [, marker = "", digits] = TICKET_NAME.exec(name) ?? [];
  const demand = MARKERS[marker];
  return demand === undefined ? null : { name, sequence: Number(digits), demand };
}

/** What was read from a listing that serves many of ours, so that it is read once. */
const queues = new WeakMap<readonly string[], readonly Ticket[]>();
const places = new WeakMap<readonly Ticket[], ReadonlyMap<string, number>>();

const lasts = new WeakMap<readonly Ticket[], number>();
const NONE: ReadonlySet<string> = new Set();

/** The tickets among a directory's children, in queue order. */
export function queueOf(children: readonly string[]): readonly Ticket[] {
  let queue = queues.get(children);
  if (queue === undefined) {
    queue = children.flatMap((name) => parseTicket(name) ?? []).sort(inQueueOrder);
    queues.set(children, queue);
  }
  return queue;
}

/** Where the contender with this id stands; null: it has no ticket in this queue. */
export function placeOf(queue: readonly Ticket[], id: string): Place | null {
  let byId = places.get(queue);
  if (byId === undefined) {
    byId = new Map(queue.map(({ name }, ahead) => [idOf(name), ahead] as const).reverse());
    places.set(queue, byId);
  }
  const ahead = byId.get(id);
  const ticket = ahead === undefined ? undefined : queue[ahead];
  return ahead === undefined || ticket === undefined ? null : { ticket, ahead, queue };
}

/** Where the last ticket stands that is not one of these names; -1: all are. Found once for all that ask about one queue. */
export function lastNotIn(queue: readonly Ticket[], names: ReadonlySet<string> = NONE): number {
  let last = lasts.get(queue);
  if (last === undefined) {
    last = queue.findLastIndex(({ name }) => !names.has(name));
    lasts.set(queue, last);
  }
  return last;
}

/** What a ticket of ours starts with. */
function idOf(name: string): string {
  return name.slice(0, name.indexOf("-"));
}

/**
 * The fencing token of a ticket: the zxid at which its directory was created, plus its sequence. It never goes back, because
 * each create in the old directory took a zxid of its own before the new directory could be made.
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

function inQueueOrder(a: Ticket, b: Ticket): number {
  return a.sequence - b.sequence || (a.name < b.name ? -1 : 1);
}
