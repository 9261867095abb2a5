import { Command } from "commander";
import type { ResourceStatus, TicketStatus } from "../../index.js";
import { withManager } from "../connection.js";
import { EXIT } from "../exit.js";
import { type Finish, settle } from "../finish.js";
import { type LookFlags, lookOptions, placeOf } from "../options.js";
import { Notes } from "../terminal/notes.js";
import { writeJson, writeLines } from "../terminal/output.js";
import { table } from "../terminal/table.js";
import { ageOf, ownerName } from "../terminal/words.js";

/** `zk-lock show`. */
export function showCommand(finish: Finish): Command {
  const command = new Command("show")
    .description("Show the holders and waiters of a resource, in order.")
    .usage("[options] <resource>")
    .argument("<resource>")
    .action(async (resource: string, flags: LookFlags) => {
      finish(await settle(() => show(resource, flags), flags.verbose));
    });
  for (const option of lookOptions("one object, for programs")) command.addOption(option);
  return command;
}

async function show(resource: string, flags: LookFlags): Promise<number> {
  const status = await withManager(placeOf(flags), new Notes(flags.verbose), (manager) => manager.inspect(resource));
  if (flags.json) writeJson(status, 2);
  else writeLines(await describe(status));
  return EXIT.ok;
}

async function describe(status: ResourceStatus): Promise<string[]> {
  const { resource, kind, holders, waiters, maxConcurrentHolders } = status;
  if (holders.length + waiters.length === 0) return [`${resource}: free`];
  const limit = maxConcurrentHolders === undefined ? "" : ` of ${maxConcurrentHolders}`;
  const title = `${resource}: ${kind}, held by ${holders.length}${limit}, ${waiters.length} waiting`;
  const rows = [...holders.map((ticket) => row("holds", ticket)), ...waiters.map((ticket) => row("waits", ticket))];
  const columns = kind === "semaphore" ? COLUMNS : COLUMNS.filter((column) => column !== "SLOT");
  const lines = await table(
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
