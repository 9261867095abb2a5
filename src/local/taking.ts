import type { ResourceHold } from "../hold/hold.js";

/** How a hold came to a handle: by a bare `acquire`, for a body of `using`, or as the object that `hold()` gives. */
export type TakenBy = "acquire" | "body" | "object";

/** One acquire that has not been given back. */
export class Taking {
  #isOpen = true;

  constructor(
    readonly hold: ResourceHold,
    readonly by: TakenBy,
    /** The innermost body of this resource that it was taken in. */
    readonly within: Taking | undefined,
    private readonly onGiveBack: (taking: Taking) => Promise<boolean>,
  ) {}

  /** Whether it stands, or was lost and its owner has not been told by `giveBack`. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  close(): void {
    this.#isOpen = false;
  }

  /** False: it has been given back before. @throws LockLostError once, if the hold was lost */
  async giveBack(): Promise<boolean> {
    return this.#isOpen && this.onGiveBack(this);
  }
}

/** All takings of one handle, in order. Each step costs the same, however many there are. */
export class Takings {
  /** The latest last; what was closed in the middle is swept out when it has become the larger part. */
  #inOrder: Taking[] = [];
  #open = 0;
  readonly #perHold = new Map<ResourceHold, Set<Taking>>();

  get isEmpty(): boolean {
    return this.#open === 0;
  }

  /** How many different holds there are. */
  get holds(): number {
    return this.#perHold.size;
  }

  has(hold: ResourceHold): boolean {
    return this.#perHold.has(hold);
  }

  includes(taking: Taking): boolean {
    return this.#perHold.get(taking.hold)?.has(taking) ?? false;
  }

  add(taking: Taking): void {
    this.#inOrder.push(taking);
    this.#open += 1;
    const ofHold = this.#perHold.get(taking.hold) ?? new Set();
    this.#perHold.set(taking.hold, ofHold.add(taking));
  }

  remove(taking: Taking): void {
    if (!taking.isOpen) return;
    taking.close();
    this.#open -= 1;
    const ofHold = this.#perHold.get(taking.hold);
    ofHold?.delete(taking);
    if (ofHold?.size === 0) this.#perHold.delete(taking.hold);
    if (this.#inOrder.at(-1) === taking) this.#inOrder.pop();
    else if (this.#inOrder.length > 2 * this.#open) this.#inOrder = this.#inOrder.filter(({ isOpen }) => isOpen);
  }

  /** The latest one that is open and fits. */
  latest(fits: (taking: Taking) => boolean): Taking | undefined {
    return this.#inOrder.findLast((taking) => taking.isOpen && fits(taking));
  }

  /**
   * What a `release` called inside of `here` gives back: the latest acquire made there, or else that body's own. Outside of bodies it
   * is the latest acquire that was made outside, or in a body that is over. Never what belongs to another body.
   */
  releasable(here: Taking | undefined): Taking | undefined {
    const acquired = this.latest(
      ({ by, within }) => by === "acquire" && (within === here || (here === undefined && within?.isOpen !== true)),
    );
    return acquired ?? (here?.by === "body" && this.includes(here) ? here : undefined);
  }

  /** The bare acquires of a hold. */
  acquiresOf(hold: ResourceHold): Taking[] {
    return [...(this.#perHold.get(hold) ?? [])].filter(({ by }) => by === "acquire");
  }
}
