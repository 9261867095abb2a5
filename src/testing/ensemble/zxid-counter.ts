const LOW_PART = 2 ** 32;

/** Numbers the transactions: the leader's epoch in the high 32 bits, a counter in the low ones. */
export class ZxidCounter {
  #last: number;

  /** @param first the number before the first transaction's, if that is not where the epoch begins */
  constructor(epoch: number, first = epoch * LOW_PART) {
    this.#last = first;
  }

  get last(): number {
    return this.#last;
  }

  next(): number {
    this.skip(1);
    return this.#last;
  }

  /** As if `count` transactions had been made. A leader that runs out of numbers steps down, so the epoch moves on. */
  skip(count: number): void {
    const low = this.#last % LOW_PART;
    if (low + count < LOW_PART) this.#last += count;
    else this.#last += LOW_PART - low + count;
  }

  nextEpoch(): void {
    this.#last += LOW_PART - (this.#last % LOW_PART);
  }
}
