import { deferred, onAbort } from "./abort.js";
import type { Clock } from "./clock.js";
import { Deadline } from "./deadline.js";
import type { Identity } from "./errors.js";
import type { ResourceHold } from "./hold.js";

/** Where a caller stands, as far as it was known. */
export interface Standing {
  readonly ahead?: number;
  readonly holder?: Identity | undefined;
}

/** What became of one call of acquire. */
export type Outcome =
  | { readonly kind: "granted"; readonly hold: ResourceHold }
  /** Its time is over, or it had none and somebody else is before it. */
  | { readonly kind: "too-late"; readonly standing: Standing }
  | { readonly kind: "aborted"; readonly reason: unknown }
  | { readonly kind: "failed"; readonly error: unknown };

export interface Patience {
  /** Milliseconds; undefined: without end; 0: only if it is free now. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Hears how many are ahead, each time that is known anew. */
  readonly onQueued: (ahead: number) => void;
}

/** One call of acquire, waiting. It settles once, by whatever comes first; what comes later must be handed back. */
export class Caller {
  readonly #outcome = deferred<Outcome>();
  #settled = false;
  readonly #calledAt: number;
  readonly #unhook: (() => void)[] = [];

  /** @param onGivingUp called when the deadline or the signal ends the wait */
  constructor(
    private readonly clock: Clock,
    readonly patience: Patience,
    onGivingUp: (caller: Caller, why: { aborted: unknown } | "late") => void,
  ) {
    this.#calledAt = clock.monotonicMs();
    const { timeoutMs, signal } = patience;
    // With no time at all, it is the place in the queue that decides, not the clock.
    if (!this.isImpatient) {
      this.#unhook.push(new Deadline(clock, timeoutMs).whenPassed(() => onGivingUp(this, "late")));
    }
    this.#unhook.push(onAbort(signal, (reason) => onGivingUp(this, { aborted: reason })));
  }

  get isImpatient(): boolean {
    return this.patience.timeoutMs === 0;
  }

  /** How long ago the call was made, in milliseconds. */
  get elapsedMs(): number {
    return this.clock.monotonicMs() - this.#calledAt;
  }

  get outcome(): Promise<Outcome> {
    return this.#outcome.promise;
  }

  settle(outcome: Outcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.unhook();
    this.#outcome.resolve(outcome);
  }

  /** Neither the deadline nor the signal matter any more. */
  unhook(): void {
    for (const unhook of this.#unhook) unhook();
  }
}
