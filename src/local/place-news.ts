import type { Clock } from "../common/clock.js";

/** The places of a queue are told at most this often … */
const PAUSE_MS = 50;
/** … and where very many wait, seldom enough that no more than so many are told in a millisecond. */
const PER_MS = 20;
/** So many are told in one turn of the event loop. */
const PER_TURN = 500;

/** Tells the members of a queue how many are before them, some time after that has changed. */
export class PlaceNews<T> {
  #isUnderWay = false;
  #changedAgain = false;
  #lastAt = -Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly members: Iterable<T> & { readonly size: number },
    private readonly tell: (member: T) => void,
  ) {}

  /** Somebody has left, so that those behind have moved up. */
  changed(): void {
    this.#changedAgain = true;
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    const dueInMs = this.#lastAt + Math.max(PAUSE_MS, this.members.size / PER_MS) - this.clock.monotonicMs();
    if (dueInMs > 0) this.clock.after(dueInMs, () => this.#tellAll());
    else this.clock.soon(() => this.#tellAll());
  }

  #tellAll(): void {
    this.#changedAgain = false;
    this.#lastAt = this.clock.monotonicMs();
    const members = this.members[Symbol.iterator]();
    const tellSome = (): void => {
      for (let told = 0; told < PER_TURN; told += 1) {
        const next = members.next();
        if (next.done === true) return this.#end();
        this.tell(next.value);
      }
      this.clock.soon(tellSome);
    };
    tellSome();
  }

  #end(): void {
    this.#isUnderWay = false;
    if (this.#changedAgain) this.changed();
  }
}
