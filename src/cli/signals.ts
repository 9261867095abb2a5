import { Interruption } from "./problem.js";

/** Those that end a process that does nothing about them, and that people and init systems send. */
const ENDING: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];
const TELLING: readonly NodeJS.Signals[] = ["SIGUSR1", "SIGUSR2", "SIGWINCH"];
/** What a terminal sends to all of its foreground group, so that a child in our group has it already. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT", "SIGHUP", "SIGWINCH"];

export interface SignalTarget {
  /** Whether the child is in our own process group. */
  readonly sharesOurGroup: boolean;
  signal(signal: NodeJS.Signals): boolean;
}

/**
 * What happens to the signals that zk-lock gets. Until there is a child, those that end a process abort `interrupted`;
 * afterwards all of them are the child's.
 */
export class Signals {
  readonly #interrupted = new AbortController();
  readonly #handlers = new Map<NodeJS.Signals, () => void>();
  #target: SignalTarget | undefined;

  constructor(private readonly onPassedOn: (signal: NodeJS.Signals) => void) {
    for (const signal of [...ENDING, ...TELLING]) this.#on(signal, () => this.#received(signal));
  }

  /** Aborts with an Interruption. */
  get interrupted(): AbortSignal {
    return this.#interrupted.signal;
  }

  /**
   * From now on signals go to the child. `stands` says, after we were stopped, whether the child may go on.
   *
   * Ctrl-Z reaches only us, since the child has a group of its own: it is stopped along with us, by SIGSTOP, because the
   * kernel withholds SIGTSTP from a group that has no parent in its session.
   */
  passTo(target: SignalTarget, stands: () => boolean): void {
    this.#target = target;
    if (target.sharesOurGroup) return;
    this.#on("SIGTSTP", () => {
      target.signal("SIGSTOP");
      process.kill(process.pid, "SIGSTOP");
    });
    this.#on("SIGCONT", () => {
      if (stands()) target.signal("SIGCONT");
    });
  }

  /** Takes the handlers off; from here on a signal does to zk-lock what it does to any process. */
  stop(): void {
    for (const [signal, handler] of this.#handlers) process.removeListener(signal, handler);
    this.#handlers.clear();
  }

  #received(signal: NodeJS.Signals): void {
    const target = this.#target;
    if (target === undefined) {
      if (ENDING.includes(signal)) this.#interrupted.abort(new Interruption(signal));
      return;
    }
    if (target.sharesOurGroup && FROM_TERMINAL.includes(signal)) return;
    if (target.signal(signal)) this.onPassedOn(signal);
  }

  #on(signal: NodeJS.Signals, handler: () => void): void {
    process.on(signal, handler);
    this.#handlers.set(signal, handler);
  }
}
