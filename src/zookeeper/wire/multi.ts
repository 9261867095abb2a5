import { bool, bytes, type Codec, type Encoded, int, nothing, record, text } from "./codec.js";
import { MalformedMessageError } from "./jute-reader.js";
import { acls, stat } from "./records.js";

/** In front of each part; the one that ends the list has `isLast`. */
const partHeader = record({ operation: int, isLast: bool, code: int });
const END = { operation: -1, isLast: true, code: -1 } as const;

/** What stands for a part that failed, or was not tried because another one did. */
const ERROR = -1;

const create = record({ path: text, data: bytes, acl: acls, flags: int });
const setData = record({ path: text, data: bytes, version: int });
const pathAndVersion = record({ path: text, version: int });

/** One step of a transaction, by the numbers of the operations. */
export type MultiPart =
  | { readonly operation: 1 | 15 | 19; readonly request: Encoded<typeof create> }
  | { readonly operation: 2 | 13; readonly request: Encoded<typeof pathAndVersion> }
  | { readonly operation: 5; readonly request: Encoded<typeof setData> };

/** What became of one step. `code` is 0 where it was carried out; where one step fails, none is. */
export type MultiResult =
  | { readonly operation: number; readonly code: 0; readonly path?: string; readonly stat?: Encoded<typeof stat> }
  | { readonly operation: -1; readonly code: number };

const REQUESTS: Readonly<Record<number, Codec<unknown>>> = {
  1: create,
  2: pathAndVersion,
  5: setData,
  13: pathAndVersion,
  15: create,
  19: create,
};

const RESULTS: Readonly<Record<number, Codec<unknown>>> = {
  1: record({ path: text }),
  2: nothing,
  5: record({ stat }),
  13: nothing,
  15: record({ path: text, stat }),
  19: record({ path: text, stat }),
};

export const multiRequest: Codec<readonly MultiPart[]> = {
  write(to, parts) {
    for (const { operation, request } of parts) {
      partHeader.write(to, { operation, isLast: false, code: -1 });
      codecOf(REQUESTS, operation).write(to, request);
    }
    partHeader.write(to, END);
  },
  read(from) {
    const parts: MultiPart[] = [];
    for (;;) {
      const { operation, isLast } = partHeader.read(from);
      if (isLast) return parts;
      parts.push({ operation, request: codecOf(REQUESTS, operation).read(from) } as MultiPart);
    }
  },
  leastBytes: partHeader.leastBytes,
};

export const multiReply: Codec<readonly MultiResult[]> = {
  write(to, results) {
    for (const result of results) {
      const { operation, code } = result;
      partHeader.write(to, { operation, isLast: false, code });
      if (operation === ERROR) to.int(code);
      else codecOf(RESULTS, operation).write(to, result);
    }
    partHeader.write(to, END);
  },
  read(from) {
    const results: MultiResult[] = [];
    for (;;) {
      const { operation, isLast } = partHeader.read(from);
      if (isLast) return results;
      if (operation === ERROR) results.push({ operation, code: from.int() });
      else results.push({ operation, code: 0, ...(codecOf(RESULTS, operation).read(from) as object | null) });
    }
  },
  leastBytes: partHeader.leastBytes,
};

function codecOf(codecs: Readonly<Record<number, Codec<unknown>>>, operation: number): Codec<unknown> {
  const codec = codecs[operation];
  if (codec === undefined) throw new MalformedMessageError(`A transaction has no operation ${operation}.`);
  return codec;
}
