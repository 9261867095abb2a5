import type { LossReason } from "./errors.js";

/** The part of a hold that is looked at here. */
interface Losable {
  /** Null while it stands, and when it was given back. */
  readonly loss: LossReason | null;
  on(event: "over", listener: () => void): unknown;
  removeListener(event: "over", listener: () => void): unknown;
}

interface Entry<H> {
  readonly hold: H;
  earlier: Entry<H> | null;
  later: Entry<H> | null;
}

interface Taken<H> {
  /** One for each time that it was taken, the latest last. */
  readonly entries: Entry<H>[];
  readonly onOver: () => void;
}

/**
 * What a handle has taken and not given back, in order: one entry for each acquire. Each call costs the same, whether one hold is in
 * it or 20,000; only `latest` looks at one entry after the other, from the end.
 */
export class TakenHolds<H extends Losable> {
  readonly #taken = new Map<H, Taken<H>>();
  readonly #lost = new Set<H>();
  #last: Entry<H> | null = null;

  get isEmpty(): boolean {
    return this.#last === null;
  }

  /** One acquire more. True: there was none of this hold. */
  add(hold: H): boolean {
    const known = this.#taken.get(hold);
    const entry: Entry<H> = { hold, earlier: this.#last, later: null };
    if (this.#last !== null) this.#last.later = entry;
    this.#last = entry;
    if (known !== undefined) {
      known.entries.push(entry);
      return false;
    }
    const onOver = (): void => {
      if (hold.loss !== null) this.#lost.add(hold);
    };
    this.#taken.set(hold, { entries: [entry], onOver });
    hold.on("over", onOver);
    onOver();
    return true;
  }

  has(hold: H): boolean {
    return this.#taken.has(hold);
  }

  /** Takes the latest acquire of this hold out. False: there is none. */
  takeOut(hold: H): boolean {
    const taken = this.#taken.get(hold);
    const entry = taken?.entries.pop();
    if (taken === undefined || entry === undefined) return false;
    this.#unlink(entry);
    if (taken.entries.length === 0) this.#forget(hold, taken);
    return true;
  }

  /** Takes all acquires of this hold out. */
  drop(hold: H): void {
    const taken = this.#taken.get(hold);
    if (taken === undefined) return;
    for (const entry of taken.entries) this.#unlink(entry);
    this.#forget(hold, taken);
  }

  /** The hold taken last of those that are as asked for. */
  latest(isWanted: (hold: H) => boolean = () => true): H | undefined {
    for (let entry = this.#last; entry !== null; entry = entry.earlier) if (isWanted(entry.hold)) return entry.hold;
    return undefined;
  }

  /** Those that were lost and are still in here. */
  lost(): H[] {
    return this.#lost.size === 0 ? [] : [...this.#lost];
  }

  #forget(hold: H, { onOver }: Taken<H>): void {
    this.#taken.delete(hold);
    this.#lost.delete(hold);
    hold.removeListener("over", onOver);
  }

  #unlink(entry: Entry<H>): void {
    if (entry.earlier !== null) entry.earlier.later = entry.later;
    if (entry.later === null) this.#last = entry.earlier;
    else entry.later.earlier = entry.earlier;
  }
}
