import type { ResourceStatus, TicketStatus } from "../../index.js";

/** What the environment of a command says of the locks that it runs under, the outermost first. */
const VARIABLE = "ZK_LOCK_HELD";

/** A hold of a `zk-lock run` that we are, or our command is, a descendant of. */
export interface AncestorHold {
  readonly resource: string;
  readonly token: number;
  /** By which its ticket is known again, whatever names the servers and roots go by. */
  readonly session: string;
  readonly pid: number;
}

/** The holds that we were started under. What cannot be understood counts as none: others may write there too. */
export function ancestorHolds(): readonly AncestorHold[] {
  try {
    const written: unknown = JSON.parse(process.env[VARIABLE] ?? "[]");
    return Array.isArray(written) ? written.filter(isHold) : [];
  } catch {
    return [];
  }
}

/** For a command of ours: what we were started under, and our own hold. */
export function ancestorVariable(own: AncestorHold): NodeJS.ProcessEnv {
  return { [VARIABLE]: JSON.stringify([...ancestorHolds(), own]) };
}

/**
 * The hold of an ancestor for which the last ticket of session `ours` would wait: for ever, as the ancestor waits for its command,
 * and that for us. `permits`: how many may hold where it is a semaphore's ticket. A ticket waits for every exclusive one before
 * it, and so for all that those wait for; an exclusive one for all before it; a permit, if all permits are taken by ancestors.
 */
export function ancestorInTheWay(
  { holders, waiters }: ResourceStatus,
  ours: string,
  permits: number | undefined,
): AncestorHold | undefined {
  const queue = [...holders, ...waiters].sort((one, other) => one.position - other.position);
  const place = queue.findLastIndex(({ sessionId }) => sessionId === ours);
  const own = queue[place];
  if (own === undefined) return undefined;
  const before = queue.slice(0, place);
  const waitedFor = own.shared ? before.slice(0, before.findLastIndex(({ shared }) => !shared) + 1) : before;
  const [first] = holdsAmong(waitedFor);
  if (first !== undefined || permits === undefined) return first;
  const taken = holdsAmong(before);
  return taken.length >= permits ? taken[0] : undefined;
}

/** Whether the queue was seen with a ticket of the session in it. */
export function isQueued({ holders, waiters }: ResourceStatus, session: string): boolean {
  return [...holders, ...waiters].some(({ sessionId }) => sessionId === session);
}

function holdsAmong(tickets: readonly TicketStatus[]): readonly AncestorHold[] {
  const holds = ancestorHolds();
  const isOf = (ticket: TicketStatus) => (hold: AncestorHold) =>
    hold.session === ticket.sessionId && hold.token === ticket.token;
  return tickets.map((ticket) => holds.find(isOf(ticket))).filter((hold) => hold !== undefined);
}

function isHold(entry: unknown): entry is AncestorHold {
  if (typeof entry !== "object" || entry === null) return false;
  const { resource, token, session, pid } = entry as Partial<AncestorHold>;
  return (
    typeof resource === "string" &&
    Number.isSafeInteger(token) &&
    typeof session === "string" &&
    Number.isSafeInteger(pid)
  );
}
