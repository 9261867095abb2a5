import { stdout } from "node:process";

/** Lines are broken so that they fit a terminal of 80 columns. */
const COLUMNS = 80;
const INDENT = " ".repeat(9);

/** The codes that begin a style; 0 ends them all. */
const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 };
type Style = keyof typeof STYLES;

/** What people read: plain text when it goes into a file, colours and a moving progress bar in a terminal. */
export class Terminal {
  readonly #isLively = stdout.isTTY && process.env["NO_COLOR"] === undefined;
  readonly #startedAt = performance.now();
  #hasBar = false;

  title(text: string): void {
    this.line(`\n${this.#style("bold", text)}\n`);
  }

  /** Running text. */
  say(text: string): void {
    this.line(wrapped(text, COLUMNS).join("\n"));
  }

  /** Something that happens, with the seconds since the start. A mark in capitals stands out at its head. */
  event(text: string, mark?: { text: string; style: Style }): void {
    const seconds = `${((performance.now() - this.#startedAt) / 1000).toFixed(1)} s`.padStart(7);
    const [first = "", ...more] = wrapped(mark ? `${mark.text} ${text}` : text, COLUMNS - INDENT.length);
    const head = mark ? first.replace(mark.text, this.#style(mark.style, mark.text)) : first;
    this.line([`${this.#style("dim", seconds)}  ${head}`, ...more.map((line) => INDENT + line)].join("\n"));
  }

  /** Redrawn in place; not shown where that cannot be. */
  bar(done: number, total: number): void {
    if (!this.#isLively) return;
    const width = 40;
    const full = Math.round((done / total) * width);
    this.#clear();
    stdout.write(`${INDENT}${"█".repeat(full)}${"░".repeat(width - full)}  ${count(done)} of ${count(total)}`);
    this.#hasBar = true;
  }

  /** The first column to the left, the others to the right. */
  table(header: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => (row[column] ?? "").length)));
    const shown = (row: readonly string[]): string =>
      `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join("   ")}`;
    this.line(`\n${this.#style("dim", shown(header))}\n${rows.map(shown).join("\n")}\n`);
  }

  verdict(isGood: boolean, text: string): void {
    const [first = "", ...more] = wrapped(text, COLUMNS - 2);
    const mark = this.#style(isGood ? "green" : "red", isGood ? "✔" : "✖");
    this.line([`${mark} ${first}`, ...more.map((line) => `  ${line}`)].join("\n"));
  }

  line(text: string): void {
    this.#clear();
    stdout.write(`${text}\n`);
  }

  #clear(): void {
    if (this.#hasBar) stdout.write("\r\u001b[K");
    this.#hasBar = false;
  }

  #style(style: Style, text: string): string {
    return this.#isLively ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
  }
}

export function money(cents: number): string {
  return (cents / 100).toLocaleString("en-US", { style: "currency", currency: "EUR" });
}

export function count(value: number): string {
  return value.toLocaleString("en-US");
}

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
