import { writeSync } from "node:fs";
import { isatty } from "node:tty";

const STDOUT = 1;
const STDERR = 2;
/** How long to wait for a reader that does not keep up, before trying again. */
const PAUSE_MS = 5;

/** The reader of our output has gone, as `head` does. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

/**
 * Written to the descriptors themselves: when Node opens `process.stdout` or `process.stderr` on a pipe it makes that pipe
 * non-blocking for everybody who shares it, our child included, whose writes can then fail with EAGAIN.
 * @throws ReaderGone
 */
export function writeOut(text: string): void {
  write(STDOUT, text);
}

/** As writeOut, but nobody reading is nobody's error: what happens must not depend on what is told of it. */
export function writeError(text: string): void {
  try {
    write(STDERR, text);
  } catch {
    // There is no place left to tell it.
  }
}

export const outIsTerminal = (): boolean => isatty(STDOUT);
export const errorIsTerminal = (): boolean => isatty(STDERR);

/** The width of the terminal behind standard error. Only asked where there is one: Node opens a terminal anew, unshared. */
export function terminalColumns(): number {
  return process.stderr.columns || 80;
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
