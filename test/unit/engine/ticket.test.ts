import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { TokenRangeError } from "../../../src/errors.js";
import { placeOf, type Ticket } from "../../../src/engine/ticket.js";
import {
  fencingToken,
  longestName,
  parseTicket,
  queueOf,
  SEQUENCE_LIMIT,
  ticketPrefix,
  ticketsAmong,
} from "../../../src/zookeeper/nodes/ticket-names.js";

const MAX_SEQUENCE = 2 ** 31 - 1;
const sequences = fc.integer({ min: 0, max: MAX_SEQUENCE });
const prefixes = fc.string({ unit: fc.constantFrom("a", "0", "9", "f", "-", "_"), maxLength: 12 });
const markers = fc.constantFrom("-lock-", "__lock__");

function nameOf(prefix: string, marker: string, sequence: number): string {
  return `${prefix}${marker}${String(sequence).padStart(10, "0")}`;
}

describe("parseTicket", () => {
  test("reads the sequence as a number, whatever stands before it", () => {
    fc.assert(
      fc.property(prefixes, markers, sequences, (prefix, marker, sequence) => {
        const name = nameOf(prefix, marker, sequence);
        expect(parseTicket(name)).toMatchObject({ name, sequence, demand: "exclusive" });
      }),
    );
  });

  test.each([
    "",
    "-lock-",
    "x-lock-123",
    "x-lock-12345678901",
    "x-lock-000000000a",
    "x-lock--2147483648",
    "x-lock--000000001",
    "x-lock-0000000001\n",
    "lock-0000000001",
    "x_lock_0000000001",
    "x-LOCK-0000000001",
    "config",
  ])("%j is no ticket", (name) => {
    expect(parseTicket(name)).toBeNull();
  });
});

describe("queueOf", () => {
  test("is in the order of the sequences, however the children come, and without what is no ticket", () => {
    const contender = fc.record({ prefix: prefixes, marker: markers, sequence: sequences });
    const queues = fc.uniqueArray(contender, { selector: ({ sequence }) => sequence, maxLength: 20 });
    const foreign = fc.array(
      fc.string({ unit: "grapheme-ascii", maxLength: 20 }).filter((name) => parseTicket(name) === null),
    );
    fc.assert(
      fc.property(queues, foreign, fc.infiniteStream(fc.nat()), (contenders, others, noise) => {
        const names = contenders.map(({ prefix, marker, sequence }) => nameOf(prefix, marker, sequence));
        const shuffled = [...names, ...others]
          .map((name) => ({ name, key: Number(noise.next().value) }))
          .sort((a, b) => a.key - b.key)
          .map(({ name }) => name);
        const expected = contenders.map(({ sequence }) => sequence).sort((a, b) => a - b);
        expect(queueOf(shuffled).map(({ sequence }) => sequence)).toEqual(expected);
      }),
    );
  });

  test("is not in the order of the text", () => {
    const names = ["zzz-lock-0000000002", "aaa-lock-0000000010", "mmm__lock__0000000009"];
    expect(queueOf(names).map(({ sequence }) => sequence)).toEqual([2, 9, 10]);
  });

  test("puts equal sequences, which only a forger makes, into an order that all agree upon", () => {
    const names = ["b-lock-0000000001", "a-lock-0000000001"];
    expect(queueOf(names)).toEqual(queueOf([...names].reverse()));
  });
});

describe("placeOf", () => {
  const names = ["me-lock-0000000003", "a-lock-0000000001", "mean-lock-0000000000", "z-lock-0000000009"];
  const queue = ticketsAmong(names, { path: "/locks/a", czxid: 7, sequenceLimit: 3 });

  test("finds the ticket by its id, and counts who is ahead", () => {
    expect(placeOf(queue, "me")).toMatchObject({ ticket: { ref: "/locks/a/me-lock-0000000003", order: 3 }, ahead: 2 });
    expect(placeOf(queue, "mean")?.ahead).toBe(0);
  });

  test("is null for who has no ticket", () => {
    expect(placeOf(queue, "nobody")).toBeNull();
    expect(placeOf(queue, "m")).toBeNull();
    expect(placeOf([], "me")).toBeNull();
  });
});

describe("the tickets of a directory", () => {
  const listed = { path: "/locks/a", czxid: 100, sequenceLimit: 8 };

  test.each(["mutex", "write", "read", "semaphore"] as const)("a %s is read back as it was written", (kind) => {
    const name = `${ticketPrefix("1f", kind)}0000000009`;
    expect(longestName("1f", kind)).toHaveLength(name.length);
    const [{ ref, id, order, token, isPastEnd, ...ticket }] = ticketsAmong([name], listed) as [Ticket];
    expect({ ref, id, order, token, isPastEnd, kind: ticket.kind }).toEqual({
      ref: `/locks/a/${name}`,
      id: "1f",
      order: 9,
      token: 109,
      isPastEnd: true,
      kind,
    });
  });

  test("one that another recipe has given no id has none, and the last number of a life is not past its end", () => {
    const [ticket] = ticketsAmong(["0a1b__lock__0000000008"], listed);
    expect([ticket?.id, ticket?.isPastEnd]).toEqual([null, false]);
  });

  test("only who asks for a token that is no safe integer is refused", () => {
    const [ticket] = ticketsAmong(["a-lock-0000000001"], { ...listed, czxid: Number.MAX_SAFE_INTEGER });
    expect(ticket?.order).toBe(1);
    expect(() => ticket?.token).toThrow(TokenRangeError);
  });
});

describe("fencingToken", () => {
  test("rises with the sequence, and with each new life of the directory", () => {
    const lives = fc.record({
      czxid: fc.integer({ min: 1, max: 2 ** 52 }),
      last: fc.integer({ min: 0, max: SEQUENCE_LIMIT }),
    });
    fc.assert(
      fc.property(lives, sequences, fc.nat(), ({ czxid, last }, sequence, later) => {
        expect(fencingToken(czxid, last + 1)).toBeGreaterThan(fencingToken(czxid, last));
        // Each ticket took a zxid of its own, and so did the deletion.
        const reborn = czxid + last + 2 + (later % 1_000);
        expect(fencingToken(reborn, sequence)).toBeGreaterThan(fencingToken(czxid, last));
      }),
    );
  });

  test("is never rounded: past the safe integers it is refused", () => {
    expect(fencingToken(Number.MAX_SAFE_INTEGER - 1, 1)).toBe(Number.MAX_SAFE_INTEGER);
    for (const [czxid, sequence] of [
      [Number.MAX_SAFE_INTEGER, 1],
      [2 ** 53, 0],
      [2 ** 60, 5],
      [-5, 1],
      [NaN, 1],
    ] as const) {
      expect(() => fencingToken(czxid, sequence)).toThrow(TokenRangeError);
    }
  });

  test("the limit leaves room below the counter's end", () => {
    expect(SEQUENCE_LIMIT).toBe(2_000_000_000);
    expect(MAX_SEQUENCE - SEQUENCE_LIMIT).toBeGreaterThan(100_000_000);
  });
});
