import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { printable, printableJson, printableLines } from "./printable.js";

const STDOUT = 1;
const STDERR = 2;
/** How long to wait for a reader that does not keep up, before trying again. */
const PAUSE_MS = 5;

/** The reader of our output has gone, as `head` does. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

const ERASE_LINE = "\r\u001b[K";

/**
 * Lines of text on standard output, as all that is written here without what is no plain text (see printable.ts).
 *
 * Written to the descriptors themselves: when Node opens `process.stdout` or `process.stderr` on a pipe it makes that pipe
 * non-blocking for everybody who shares it, our child included, whose writes can then fail with EAGAIN.
 * @throws ReaderGone
 */
export function writeLines(lines: readonly string[]): void {
  write(STDOUT, lines.map((line) => `${printable(line)}\n`).join(""));
}

/** A text of ours, whose line ends are meant. @throws ReaderGone */
export function writeText(text: string): void {
  write(STDOUT, printableLines(text));
}

/** @throws ReaderGone */
export function writeJson(value: unknown, indent?: number): void {
  write(STDOUT, `${printableJson(value, indent)}\n`);
}

/** As writeText, but nobody reading is nobody's error: what happens must not depend on what is told of it. */
export function writeError(text: string): void {
  tell(printableLines(text));
}

/** A line on standard error. */
export function writeErrorLine(line: string): void {
  tell(`${printable(line)}\n`);
}

/** On the terminal behind standard error: puts `line` in the place of the line that stands there, as far as it fits. */
export function replaceErrorLine(line: string): void {
  // One column is left free: a terminal that has filled its last one has begun a new line already.
  tell(ERASE_LINE + printable(line).slice(0, terminalColumns() - 1));
}

export const errorIsTerminal = (): boolean => isatty(STDERR);

/** The width of the terminal behind standard error. Only asked where there is one: Node opens a terminal anew, unshared. */
function terminalColumns(): number {
  return process.stderr.columns || 80;
}

function tell(text: string): void {
  try {
    write(STDERR, text);
  } catch {
    // There is no place left to tell it.
  }
}

function write(descriptor: number, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") throw new ReaderGone("nobody reads the output any more", { cause: error });
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}
