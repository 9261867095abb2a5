import type { ResourceStatus, TicketStatus } from "../index.js";
import { withManager } from "./connection.js";
import { EXIT } from "./exit-codes.js";
import { Notes } from "./notes.js";
import type { PlaceFlags } from "./options.js";
import { writeOut } from "./output.js";
import { table } from "./table.js";
import { ageOf, personName, printable } from "./words.js";

/** `zk-lock show`. */
export async function show(
  resource: string,
  { zookeeper, root, verbose, json }: PlaceFlags & { json: boolean },
): Promise<number> {
  const status = await withManager({ servers: zookeeper, root }, new Notes(verbose), (manager) =>
    manager.inspect(resource),
  );
  writeOut(json ? `${JSON.stringify(status, null, 2)}\n` : describe(status));
  return EXIT.ok;
}

function describe({ resource, kind, holders, waiters, maxConcurrentHolders }: ResourceStatus): string {
  const name = printable(resource);
  if (holders.length + waiters.length === 0) return `${name}: free\n`;
  const limit = maxConcurrentHolders === undefined ? "" : ` of ${maxConcurrentHolders}`;
  const title = `${name}: ${kind}, held by ${holders.length}${limit}, ${waiters.length} waiting\n`;
  const rows = [...holders.map((ticket) => row("holds", ticket)), ...waiters.map((ticket) => row("waits", ticket))];
  const columns = kind === "semaphore" ? COLUMNS : COLUMNS.filter((column) => column !== "SLOT");
  return (
    title +
    table(
      columns,
      rows.map((cells) => columns.map((column) => cells[column])),
    )
  );
}

const COLUMNS = ["#", "", "WHO", "TOKEN", "FOR", "SESSION", "SLOT"] as const;

function row(what: "holds" | "waits", ticket: TicketStatus): Record<(typeof COLUMNS)[number], string> {
  const { position, shared, identity, token, since, sessionId, slot } = ticket;
  return {
    "#": String(position),
    "": shared ? `${what}, shared` : what,
    WHO: personName(identity),
    TOKEN: String(token),
    FOR: ageOf(since),
    SESSION: sessionId,
    SLOT: slot === undefined ? "-" : String(slot),
  };
}
