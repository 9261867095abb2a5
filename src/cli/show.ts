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
  const head = ["#", "", "WHO", "TOKEN", "FOR", "SESSION"];
  if (kind !== "semaphore") return title + table(head, rows);
  const slots = [...holders, ...waiters].map(({ slot }) => (slot === undefined ? "-" : String(slot)));
  return (
    title +
    table(
      [...head, "SLOT"],
      rows.map((cells, index) => [...cells, slots[index] ?? "-"]),
    )
  );
}

function row(what: "holds" | "waits", { position, shared, identity, token, since, sessionId }: TicketStatus): string[] {
  const how = shared ? `${what}, shared` : what;
  return [String(position), how, personName(identity), String(token), ageOf(since), sessionId];
}
