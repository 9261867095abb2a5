import { readFileSync } from "node:fs";

/** One line of the input file: `cents` go from one account to another. */
export interface Transfer {
  readonly id: number;
  readonly from: string;
  readonly to: string;
  readonly cents: number;
}

export const TRANSFERS_FILE = new URL("transfers.csv", import.meta.url);
const HEADER = "id,from,to,cents";

/** What each account has before the first transfer. */
export const OPENING_CENTS = 1_000_000;

export function readTransfers(): Transfer[] {
  const [header, ...lines] = readFileSync(TRANSFERS_FILE, "utf8").trimEnd().split("\n");
  if (header !== HEADER) throw new Error(`transfers.csv begins with "${header ?? ""}", not with "${HEADER}".`);
  return lines.map((line) => {
    const [id = "", from = "", to = "", cents = ""] = line.split(",");
    return { id: Number(id), from, to, cents: Number(cents) };
  });
}

export function formatTransfers(transfers: readonly Transfer[]): string {
  const lines = transfers.map(({ id, from, to, cents }) => [id, from, to, cents].join(","));
  return `${[HEADER, ...lines].join("\n")}\n`;
}

/** Every account that takes part, by name. */
export function accountsIn(transfers: readonly Transfer[]): string[] {
  return [...new Set(transfers.flatMap(({ from, to }) => [from, to]))].sort();
}
