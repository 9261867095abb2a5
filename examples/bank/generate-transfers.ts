import { writeFileSync } from "node:fs";
import { formatTransfers, type Transfer, TRANSFERS_FILE } from "./transfers.js";

const COUNT = 2_400;
const SEED = 20_240_229;
const SMALLEST_CENTS = 100;
const LARGEST_CENTS = 25_000;
/** 1: everybody trades as much as everybody else. */
const BEND = 1.3;

const HOLDERS = (
  "agnes bela carla daoud elif fatima goran hanna ivan jonas kaito lena " +
  "maria nuria olek priya quirin rosa samir tara ugo vera wanda yusuf"
).split(" ");

/** The same transfers each time: the random numbers have a fixed seed. */
export function generateTransfers(): Transfer[] {
  const random = seededRandom(SEED);
  // Bent, so that the first holders trade more than the last: some accounts are in demand, as in any bank.
  const draw = (names: readonly string[]): string => names[Math.floor(random() ** BEND * names.length)] as string;
  return Array.from({ length: COUNT }, (_, index) => {
    const from = draw(HOLDERS);
    const to = draw(HOLDERS.filter((name) => name !== from));
    const cents = SMALLEST_CENTS + Math.floor(random() * (LARGEST_CENTS - SMALLEST_CENTS));
    return { id: index + 1, from, to, cents };
  });
}

/** Mulberry32: small, and the same on every machine. Numbers from 0 up to, but not including, 1. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// Run by itself, it writes the file anew: node --import tsx examples/bank/generate-transfers.ts
if (process.argv[1]?.endsWith("generate-transfers.ts") === true) {
  writeFileSync(TRANSFERS_FILE, formatTransfers(generateTransfers()));
}
