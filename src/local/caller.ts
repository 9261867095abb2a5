import { deferred, onAbort } from "../common/abort.js";
import type { Clock } from "../common/clock.js";
import { Deadline } from "../common/deadline.js";
import type { ResourceHold } from "../hold/hold.js";
import type { Paced } from "../common/paced.js";
import type { Outcome } from "./outcome.js";

/** How long a call of acquire waits, and who hears of it. */
export interface WaitOptions {
  /** Milliseconds; undefined: without end; 0: only if it is free now. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Hears how many are ahead, first when that is known and then when it has changed. */
  readonly onQueued: (ahead: number) => void;
}

/** One call of acquire, waiting. It settles once, by whatever comes first; what comes later must be handed back. */
export class Caller {
  readonly #outcome = deferred<Outcome>();
  #settled = false;
  readonly #calledAt: number;
  readonly #unhook: (() => void)[] = [];
  #ahead: number | undefined;
  /** Where very many give up at once, some are noted here first. */
  #givingUp: (() => void) | null = null;

  /** @param onGivingUp called when the deadline or the signal ends the wait */
  constructor(
    private readonly context: { readonly clock: Clock; readonly paced: Paced },
    readonly wait: WaitOptions,
    onGivingUp: (caller: Caller, why: { aborted: unknown } | "late") => void,
  ) {
    const { clock } = context;
    this.#calledAt = clock.monotonicMs();
    const { timeoutMs, signal } = wait;
    const giveUp = (why: { aborted: unknown } | "late"): void => {
      this.#givingUp ??= () => onGivingUp(this, why);
      context.paced.run(this.#givingUp);
    };
    // With no time at all, it is the place in the queue that decides, not the clock.
    if (!this.neverWaits) this.#unhook.push(new Deadline(clock, timeoutMs).whenPassed(() => giveUp("late")));
    this.#unhook.push(onAbort(signal, (reason) => giveUp({ aborted: reason })));
  }

  /** Whether it is known to leave. */
  get isGivingUp(): boolean {
    return this.#givingUp !== null;
  }

  /** Its time is over, or its signal has aborted: it leaves now, if it has not left yet. */
  leaveIfDue(): void {
    this.#givingUp?.();
  }

  get neverWaits(): boolean {
    return this.wait.timeoutMs === 0;
  }

  /** How long ago the call was made, in milliseconds. */
  get elapsedMs(): number {
    return this.context.clock.monotonicMs() - this.#calledAt;
  }

  get outcome(): Promise<Outcome> {
    return this.#outcome.promise;
  }

  /** What it has heard of its place; undefined: nothing yet. */
  get ahead(): number | undefined {
    return this.#ahead;
  }

  /** Tells it how many are ahead. False: it knows. */
  tell(ahead: number): boolean {
    if (ahead === this.#ahead) return false;
    this.#ahead = ahead;
    this.wait.onQueued(ahead);
    return true;
  }

  /** It has what it asked for. */
  enter(hold: ResourceHold): void {
    hold.enter();
    this.settle({ kind: "granted", hold });
  }

  /** At once, as far as anybody can see; where many settle in one turn, each hears of it in its own. */
  settle(outcome: Outcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.unhook();
    this.context.paced.run(() => this.#outcome.resolve(outcome));
  }

  /** Neither the deadline nor the signal matter any more. */
  unhook(): void {
    for (const unhook of this.#unhook) unhook();
  }
}
