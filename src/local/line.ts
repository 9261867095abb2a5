const SMALLEST = 16;

/**
 * Members in the order in which they came. Says how many stand before one of them in the time of a few steps, however many there
 * are and wherever some have left. (A Fenwick tree over numbered places.)
 */
export class Line<T> {
  /** The place of each; places are given out in rising order, and those of members who left stay empty. */
  readonly #places = new Map<T, number>();
  #tree = new Int32Array(SMALLEST);
  #nextPlace = 1;

  get size(): number {
    return this.#places.size;
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#places.keys();
  }

  /** At the end. */
  add(member: T): void {
    if (this.#nextPlace === this.#tree.length) this.#closeRanks();
    this.#places.set(member, this.#nextPlace);
    this.#count(this.#nextPlace, 1);
    this.#nextPlace += 1;
  }

  /** False: it was not there. */
  delete(member: T): boolean {
    const place = this.#places.get(member);
    if (place === undefined) return false;
    this.#places.delete(member);
    this.#count(place, -1);
    return true;
  }

  /** How many stand before a member; undefined: it is not there. */
  before(member: T): number | undefined {
    const place = this.#places.get(member);
    if (place === undefined) return undefined;
    let sum = 0;
    for (let at = place - 1; at > 0; at -= at & -at) sum += this.#tree[at] ?? 0;
    return sum;
  }

  #count(place: number, change: number): void {
    for (let at = place; at < this.#tree.length; at += at & -at) this.#tree[at] = (this.#tree[at] ?? 0) + change;
  }

  /** No place is left: those who are there move up, and there is room for as many again. */
  #closeRanks(): void {
    this.#tree = new Int32Array(Math.max(SMALLEST, 2 * (this.#places.size + 1)));
    this.#nextPlace = 1;
    for (const member of this.#places.keys()) {
      this.#places.set(member, this.#nextPlace);
      this.#count(this.#nextPlace, 1);
      this.#nextPlace += 1;
    }
  }
}
