import { printable } from "./printable.js";

const GAP = "  ";

/** The lines of columns under headings, without lines: as good to read as to `awk`. */
export async function table(head: readonly string[], rows: readonly (readonly string[])[]): Promise<string[]> {
  const { default: Table } = await import("cli-table3");
  const drawn = new Table({
    head: [...head],
    chars: Object.fromEntries(EDGES.map((edge) => [edge, edge === "middle" ? GAP : ""])),
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  // Before they are measured.
  drawn.push(...rows.map((row) => row.map(printable)));
  const lines = drawn.toString().split("\n");
  return lines.map((line) => line.trimEnd());
}

const EDGES = [
  ...["top", "top-mid", "top-left", "top-right"],
  ...["bottom", "bottom-mid", "bottom-left", "bottom-right"],
  ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"],
] as const;
