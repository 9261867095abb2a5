import type { ResourceStatus, TicketStatus } from "../../index.js";
import { withManager } from "../connection.js";
import { EXIT } from "../exit-codes.js";
import { Notes } from "../terminal/notes.js";
import { type PlaceFlags, placeOf } from "../options.js";
import { writeJson, writeLines } from "../terminal/output.js";
import { table } from "../terminal/table.js";
import { ageOf, ownerName } from "../terminal/words.js";

/** `zk-lock show`. */
export async function show(resource: string, flags: PlaceFlags & { json: boolean }): Promise<number> {
  const status = await withManager(placeOf(flags), new Notes(flags.verbose), (manager) => manager.inspect(resource));
  if (flags.json) writeJson(status, 2);
  else writeLines(describe(status));
  return EXIT.ok;
}

function describe({ resource, kind, holders, waiters, maxConcurrentHolders }: ResourceStatus): string[] {
  if (holders.length + waiters.length === 0) return [`${resource}: free`];
  const limit = maxConcurrentHolders === undefined ? "" : ` of ${maxConcurrentHolders}`;
  const title = `${resource}: ${kind}, held by ${holders.length}${limit}, ${waiters.length} waiting`;
  const rows = [...holders.map((ticket) => row("holds", ticket)), ...waiters.map((ticket) => row("waits", ticket))];
  const columns = kind === "semaphore" ? COLUMNS : COLUMNS.filter((column) => column !== "SLOT");
  const lines = table(
    columns,
    rows.map((cells) => columns.map((column) => cells[column])),
  );
  return [title, ...lines];
}

const COLUMNS = ["#", "", "WHO", "TOKEN", "FOR", "SESSION", "SLOT"] as const;

function row(what: "holds" | "waits", ticket: TicketStatus): Record<(typeof COLUMNS)[number], string> {
  const { position, shared, token, since, sessionId, slot } = ticket;
  return {
    "#": String(position),
    "": shared ? `${what}, shared` : what,
    WHO: ownerName(ticket),
    TOKEN: String(token),
    FOR: ageOf(since),
    SESSION: sessionId,
    SLOT: slot === undefined ? "-" : String(slot),
  };
}
