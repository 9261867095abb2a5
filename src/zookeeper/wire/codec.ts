import type { JuteReader } from "./jute-reader.js";
import type { JuteWriter } from "./jute-writer.js";

/** How a value is written and read: described once, for the client and the server. */
export interface Codec<T> {
  write(to: JuteWriter, value: T): void;
  read(from: JuteReader): T;
  /** The fewest bytes that a value takes. */
  readonly leastBytes: number;
}

/** What a codec encodes. */
export type Encoded<C> = C extends Codec<infer T> ? T : never;

export const int: Codec<number> = {
  write: (to, value) => void to.int(value),
  read: (from) => from.int(),
  leastBytes: 4,
};

export const long: Codec<bigint> = {
  write: (to, value) => void to.long(value),
  read: (from) => from.long(),
  leastBytes: 8,
};

/** A long whose value is a number in our world: a zxid, a time. Exact below 2^53. */
export const number: Codec<number> = {
  write: (to, value) => void to.long(BigInt(value)),
  read: (from) => from.number(),
  leastBytes: 8,
};

export const bool: Codec<boolean> = {
  write: (to, value) => void to.byte(value ? 1 : 0),
  read: (from) => from.byte() !== 0,
  leastBytes: 1,
};

export const text: Codec<string> = {
  write: (to, value) => void to.text(value),
  read: (from) => from.text(),
  leastBytes: 4,
};

export const bytes: Codec<Buffer | null> = {
  write(to, value) {
    if (value === null) to.int(-1);
    else to.bytes(value);
  },
  read: (from) => from.bytes(),
  leastBytes: 4,
};

/** Nothing at all, where a message has a header only. */
export const nothing: Codec<null> = { write: () => undefined, read: () => null, leastBytes: 0 };

export function list<T>(element: Codec<T>): Codec<readonly T[]> {
  return {
    write(to, values) {
      to.int(values.length);
      for (const value of values) element.write(to, value);
    },
    read(from) {
      return Array.from({ length: from.count(element.leastBytes) }, () => element.read(from));
    },
    leastBytes: 4,
  };
}

/** A record: its fields one after the other, in the order in which they are named. */
export function record<Fields extends Readonly<Record<string, Codec<unknown>>>>(
  fields: Fields,
): Codec<{ readonly [Name in keyof Fields]: Encoded<Fields[Name]> }> {
  type Values = { readonly [Name in keyof Fields]: Encoded<Fields[Name]> };
  const entries = Object.entries(fields) as unknown as readonly [keyof Fields, Codec<unknown>][];
  return {
    write(to, values) {
      for (const [name, codec] of entries) codec.write(to, values[name]);
    },
    read(from) {
      const values: Partial<Record<keyof Fields, unknown>> = {};
      for (const [name, codec] of entries) values[name] = codec.read(from);
      return values as Values;
    },
    leastBytes: entries.reduce((sum, [, codec]) => sum + codec.leastBytes, 0),
  };
}
