import { errorIsTerminal, replaceErrorLine, writeError, writeErrorLine } from "./output.js";

/** What zk-lock tells on standard error: lines, and on a terminal one status line below them that can be replaced. */
export class Notes {
  readonly #terminal = errorIsTerminal();
  #status = "";

  constructor(readonly verbose: boolean) {}

  get hasStatusLine(): boolean {
    return this.#terminal;
  }

  /** One line, whatever the text holds. */
  say(text: string): void {
    this.#aboveStatus(() => writeErrorLine(`zk-lock: ${text}`));
  }

  /** Several lines, such as a stack. */
  tell(text: string): void {
    this.#aboveStatus(() => writeError(`zk-lock: ${text}\n`));
  }

  /** Only with `-v`. */
  detail(text: string): void {
    if (this.verbose) this.say(text);
  }

  /** Replaces the status line; nothing where there is no terminal. "" erases it. */
  status(text: string): void {
    if (!this.#terminal || text === this.#status) return;
    replaceErrorLine(text === "" ? "" : `zk-lock: ${text}`);
    this.#status = text;
  }

  #aboveStatus(write: () => void): void {
    const status = this.#status;
    this.status("");
    write();
    this.status(status);
  }
}
