import { Interruption } from "../problem.js";

/** Those that end a process that does nothing about them, and that people and init systems send. */
const ENDING: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];
const TELLING: readonly NodeJS.Signals[] = ["SIGUSR1", "SIGUSR2", "SIGWINCH"];
/** What a terminal sends to all of its foreground group, so that a child in our group has it already. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT", "SIGHUP", "SIGWINCH"];

/** What became of a signal: it was sent, there was nobody to send it to, or the system does not allow us to. */
export type Delivery = "sent" | "gone" | "refused";

export interface SignalTarget {
  readonly pid: number;
  /** Whether the child is in our own process group. */
  readonly sharesOurGroup: boolean;
  signal(signal: NodeJS.Signals): Delivery;
  /** Stops it; false, with nothing done, where that is not allowed for all of it. */
  pause(): boolean;
  resume(): Delivery;
}

/** Is told of each signal that was to be passed on to process `pid`. */
export type OnPassedOn = (signal: NodeJS.Signals, delivery: Delivery, pid: number) => void;

/**
 * What happens to the signals that zk-lock gets. Until there is a child, those that end a process abort `interrupted`;
 * afterwards all of them are the child's.
 */
export class Signals {
  readonly #interrupted = new AbortController();
  readonly #handlers = new Map<NodeJS.Signals, () => void>();
  #target: SignalTarget | undefined;
  /** What Ctrl-Z does; null while a child is being started: then it is kept for when it runs. */
  #stop: (() => void) | null = null;
  /** Ctrl-Z has come while the child was being started. */
  #stopIsDue = false;

  constructor(private readonly onPassedOn: OnPassedOn) {
    for (const signal of [...ENDING, ...TELLING]) this.#on(signal, () => this.#received(signal));
  }

  /** Aborts with an Interruption. */
  get interrupted(): AbortSignal {
    return this.#interrupted.signal;
  }

  /** The child is about to run, and may before we hear that it does: a Ctrl-Z that comes in between is for both of us. */
  expectChild(): void {
    // One listener for good: a signal that is caught already is lost if its listener is replaced before it is told.
    this.#on("SIGTSTP", () => {
      if (this.#stop === null) this.#stopIsDue = true;
      else this.#stop();
    });
  }

  /**
   * From now on signals go to the child. `stands` says, after we were stopped, whether the child may go on.
   *
   * Ctrl-Z reaches only us, since the child has a group of its own: it is stopped along with us, by SIGSTOP, because the
   * kernel withholds SIGTSTP from a group that has no parent in its session. Where it may not be stopped we go on too: it
   * would outrun our lease.
   */
  passTo(target: SignalTarget, stands: () => boolean): void {
    this.#target = target;
    const stop = (): void => {
      // A child in our group has got it from the terminal itself.
      if (target.sharesOurGroup || target.pause()) process.kill(process.pid, "SIGSTOP");
      else this.onPassedOn("SIGTSTP", "refused", target.pid);
    };
    this.#stop = stop;
    if (!target.sharesOurGroup) {
      this.#on("SIGCONT", () => {
        if (stands()) this.onPassedOn("SIGCONT", target.resume(), target.pid);
      });
    }
    if (this.#stopIsDue) stop();
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
    this.onPassedOn(signal, target.signal(signal), target.pid);
  }

  /** In place of the handler there was. */
  #on(signal: NodeJS.Signals, handler: () => void): void {
    this.#off(signal);
    process.on(signal, handler);
    this.#handlers.set(signal, handler);
  }

  #off(signal: NodeJS.Signals): void {
    const handler = this.#handlers.get(signal);
    if (handler !== undefined) process.removeListener(signal, handler);
    this.#handlers.delete(signal);
  }
}

/** `work`, unless a signal comes first; what becomes of it then is of no interest, since the process ends. */
export async function unlessInterrupted<T>(work: Promise<T>, interrupted: AbortSignal): Promise<T> {
  let unhook = (): void => undefined;
  const interruption = new Promise<never>((_, reject) => {
    const stop = (): void => reject(interrupted.reason as Error);
    interrupted.addEventListener("abort", stop, { once: true });
    unhook = () => interrupted.removeEventListener("abort", stop);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, interruption]);
  } finally {
    unhook();
  }
}
