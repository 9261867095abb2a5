import { errorIsTerminal, terminalColumns, writeError } from "./output.js";

const ERASE_LINE = "\r\u001b[K";

/** What zk-lock tells on standard error: lines, and on a terminal one status line below them that can be replaced. */
export class Notes {
  readonly #terminal = errorIsTerminal();
  #status = "";

  constructor(readonly verbose: boolean) {}

  get hasStatusLine(): boolean {
    return this.#terminal;
  }

  say(text: string): void {
    const status = this.#status;
    this.status("");
    writeError(`zk-lock: ${text}\n`);
    this.status(status);
  }

  /** Only with `-v`. */
  detail(text: string): void {
    if (this.verbose) this.say(text);
  }

  /** Replaces the status line; nothing where there is no terminal. "" erases it. */
  status(text: string): void {
    if (!this.#terminal || text === this.#status) return;
    const shown = text === "" ? "" : `zk-lock: ${text}`;
    // One column is left free: a terminal that has filled its last one has begun a new line already.
    writeError(ERASE_LINE + shown.slice(0, terminalColumns() - 1));
    this.#status = text;
  }
}
