import type { Identity, TicketStatus } from "../../index.js";

const SECOND_MS = 1_000;
const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ["d", 86_400 * SECOND_MS],
  ["h", 3_600 * SECOND_MS],
  ["min", 60 * SECOND_MS],
  ["s", SECOND_MS],
];

/** The two largest units: "3 min 12 s". */
export function duration(ms: number): string {
  const first = UNITS.findIndex(([, unitMs]) => ms >= unitMs);
  if (first < 0) return "0 s";
  let rest = ms;
  const parts = UNITS.slice(first, first + 2).map(([name, unitMs]) => {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    return `${count} ${name}`;
  });
  return parts.filter((part, index) => index === 0 || !part.startsWith("0 ")).join(" ");
}

export function ageOf(since: Date): string {
  if (Number.isNaN(since.getTime())) return "?";
  // Another machine's clock may be ahead of ours.
  return duration(Math.max(0, Date.now() - since.getTime()));
}

/** Whose ticket it is. A node with a ticket's name that no session owns is none, and would stand in the way for ever. */
export function ownerName({ identity, sessionId }: TicketStatus): string {
  return /^(0x)?0+$/.test(sessionId) ? "nobody: this node is no ticket of a session" : personName(identity);
}

/** "deploy (web-1, pid 4711)": the name first if there is one, then the rest. */
export function personName(identity: Identity | undefined): string {
  if (identity === undefined || Object.keys(identity).length === 0) return "somebody unnamed";
  const { id, host, pid, ...others } = identity;
  const name = id ?? host;
  const rest = [
    id === undefined || host === id ? undefined : host,
    pid === undefined ? undefined : `pid ${pid}`,
    ...Object.entries(others).map(([key, value]) => `${key} ${value}`),
  ].filter((part) => part !== undefined);
  const details = rest.join(", ");
  if (name === undefined) return details;
  return details === "" ? String(name) : `${name} (${details})`;
}
