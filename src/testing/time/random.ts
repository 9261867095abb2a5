const MULBERRY_STEP = 0x6d2b79f5;
const UINT32 = 2 ** 32;

/** A seeded source of numbers (Mulberry32): the same seed gives the same run, on any machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A number from 0, inclusive, to 1, exclusive. */
  next(): number {
    this.#state = (this.#state + MULBERRY_STEP) | 0;
    return scramble(this.#state) / UINT32;
  }

  /** A whole number from 0 to `bound - 1`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** Puts `items` into a random order, in place. */
  shuffle<T>(items: T[]): T[] {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      [items[last], items[other]] = [items[other] as T, items[last] as T];
    }
    return items;
  }

  /** `length` random hexadecimal digits, in capitals as the client prints them. */
  hex(length: number): string {
    let digits = "";
    while (digits.length < length) digits += this.below(16).toString(16);
    return digits.toUpperCase();
  }
}

/** A number from 0 to 2^32 - 1 that depends on all bits of `value`. */
export function scramble(value: number): number {
  let bits = Math.imul(value ^ (value >>> 15), value | 1);
  bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
  return (bits ^ (bits >>> 14)) >>> 0;
}
