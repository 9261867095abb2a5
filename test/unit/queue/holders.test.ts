import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { mutex, read, semaphore, write } from "../../../src/queue/discipline.js";
import { holdersOf } from "../../../src/queue/holders.js";
import { placeOf } from "../../../src/engine/ticket.js";
import { ticketPrefix, ticketsAmong } from "../../../src/zookeeper/nodes/ticket-names.js";

const LIMIT = 2;
const DISCIPLINES = { M: mutex, W: write, R: read, P: semaphore(LIMIT, false) };
type Kind = keyof typeof DISCIPLINES;

/** A queue written as a word: M mutex, W writer, R reader, P permit. */
function queueOfKinds(kinds: readonly Kind[]) {
  const names = kinds.map(
    (kind, place) => ticketPrefix(`id${place}`, DISCIPLINES[kind].kind) + String(place).padStart(10, "0"),
  );
  return ticketsAmong(names, { path: "/locks/r", czxid: 1, sequenceLimit: 1_000 });
}

function holding(word: string): number[] {
  return holdersOf(queueOfKinds(Array.from(word) as Kind[]), () => LIMIT).map(({ order }) => order);
}

test.each([
  ["", []],
  ["MRP", [0]],
  ["WWR", [0]],
  ["RRWR", [0, 1]],
  ["PPPW", [0, 1]],
  ["PRPRPM", [0, 1, 2, 3]],
  ["PM", [0]],
  ["RPMP", [0, 1]],
  ["PPPRP", [0, 1, 3]],
])("of the queue %p, those at the places %p hold", (word, places) => {
  expect(holding(word)).toEqual(places);
});

test("those hold whom nothing keeps from it, by the rule of their kind, and never two that exclude each other", () => {
  const kinds = fc.array(fc.constantFrom<Kind>("M", "W", "R", "P"), { maxLength: 12 });
  fc.assert(
    fc.property(kinds, (word) => {
      const queue = queueOfKinds(word);
      const free = word.flatMap((kind, place) => {
        const own = placeOf(queue, `id${place}`);
        return own !== null && DISCIPLINES[kind].obstacle(own) === null ? [place] : [];
      });
      expect(holding(word.join(""))).toEqual(free);
      const exclusive = free.filter((place) => word[place] === "M" || word[place] === "W");
      expect(exclusive.length === 0 || free.length === 1).toBe(true);
      expect(free.filter((place) => word[place] === "P").length).toBeLessThanOrEqual(LIMIT);
    }),
  );
});
