import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { type Codec } from "../../../../src/zookeeper/wire/codec.js";
import { FrameSplitter, LONGEST_FRAME_BYTES } from "../../../../src/zookeeper/wire/frame-splitter.js";
import { JuteReader, MalformedMessageError } from "../../../../src/zookeeper/wire/jute-reader.js";
import { JuteWriter } from "../../../../src/zookeeper/wire/jute-writer.js";
import { operations } from "../../../../src/zookeeper/wire/operations.js";
import {
  connectReply,
  connectRequest,
  replyHeader,
  requestHeader,
  watcherEvent,
  Xid,
} from "../../../../src/zookeeper/wire/records.js";

/**
 * Frames between a real server (3.8.0) and two clients, in hexadecimal, as a proxy saw them: `theirs` is the C client of the `zookeeper`
 * package, `ours` this one, with the operations that the C client does not know.
 */
const recorded = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8")) as Record<
  "theirs" | "ours",
  { requests: string[]; replies: string[] }
>;

const byNumber = new Map(Object.values(operations).map((operation) => [operation.number, operation]));

interface Message {
  /** Reads the whole frame and writes it again. */
  readonly again: Buffer;
  readonly left: number;
}

function retell(hex: string, codecs: (from: JuteReader, to: JuteWriter) => void): Message {
  const reader = new JuteReader(Buffer.from(hex, "hex"));
  const writer = new JuteWriter();
  codecs(reader, writer);
  return { again: writer.take(), left: reader.left };
}

function pass<T>(codec: Codec<T>, from: JuteReader, to: JuteWriter): T {
  const value = codec.read(from);
  codec.write(to, value);
  return value;
}

test.each(["theirs", "ours"] as const)(
  "%s: each recorded frame is read, and written again to the same bytes",
  (whose) => {
    const { requests, replies } = recorded[whose];
    const asked: { xid: number; operation: number }[] = [];
    for (const [index, hex] of requests.entries()) {
      const { again, left } = retell(hex, (from, to) => {
        if (index === 0) return void pass(connectRequest, from, to);
        const header = pass(requestHeader, from, to);
        asked.push(header);
        pass(byNumber.get(header.operation)!.request as Codec<unknown>, from, to);
      });
      expect({ index, left, bytes: again.toString("hex") }).toEqual({ index, left: 0, bytes: hex });
    }
    for (const [index, hex] of replies.entries()) {
      const { again, left } = retell(hex, (from, to) => {
        // The server's last byte says whether it only reads; nobody asks for that.
        if (index === 0) return void (pass(connectReply, from, to), to.byte(from.byte()));
        const { xid, code } = pass(replyHeader, from, to);
        if (xid === Xid.event) return void pass(watcherEvent, from, to);
        const operation = asked.find((one) => one.xid === xid)!.operation;
        if (code === 0) pass(byNumber.get(operation)!.reply as Codec<unknown>, from, to);
      });
      expect({ index, left, bytes: again.toString("hex") }).toEqual({ index, left: 0, bytes: hex });
    }
    expect(asked.length).toBeGreaterThan(5);
  },
);

test("numbers are exact up to 2^53, and past it still past it", () => {
  for (const value of [0n, 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 62n, -1n]) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(value);
    const read = new JuteReader(bytes).number();
    if (value < 2n ** 53n) expect(BigInt(read)).toBe(value);
    else expect(Number.isSafeInteger(read)).toBe(false);
  }
});

test("a stream is split into the same frames wherever it is cut", () => {
  const frames = recorded.theirs.replies.map((hex) => Buffer.from(hex, "hex"));
  const stream = Buffer.concat(frames.flatMap((frame) => [lengthOf(frame), frame]));
  for (let piece = 1; piece <= 64; piece += 1) {
    const splitter = new FrameSplitter();
    const seen: string[] = [];
    for (let at = 0; at < stream.length; at += piece) {
      splitter.push(stream.subarray(at, at + piece), (frame) => seen.push(frame.toString("hex")));
    }
    expect(seen).toEqual(recorded.theirs.replies);
  }
});

test.each([-1, -2_147_483_648, LONGEST_FRAME_BYTES + 1, Buffer.from("HTTP").readInt32BE()])(
  "a length of %d is refused before anything is waited for",
  (length) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    expect(() => new FrameSplitter().push(bytes, () => undefined)).toThrow(MalformedMessageError);
  },
);

test("no bytes make a codec do anything but read, or refuse", () => {
  const codecs: Codec<unknown>[] = [
    connectRequest,
    connectReply,
    ...Object.values(operations).flatMap(({ request, reply }) => [request, reply] as Codec<unknown>[]),
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: codecs.length - 1 }), (bytes, index) => {
      try {
        codecs[index]!.read(new JuteReader(Buffer.from(bytes)));
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessageError);
      }
    }),
    { numRuns: 20_000 },
  );
});

test("what a request says is read as it was written, whatever texts and bytes are in it", () => {
  const { request } = operations.create2;
  const value = fc.record({
    path: fc.string({ unit: "binary" }),
    data: fc.option(fc.uint8Array().map((bytes) => Buffer.from(bytes))),
    acl: fc.array(fc.record({ permissions: fc.nat(31), scheme: fc.string(), id: fc.string() })),
    flags: fc.nat(4),
  });
  fc.assert(
    fc.property(value, (asked) => {
      const writer = new JuteWriter();
      request.write(writer, asked);
      expect(request.read(new JuteReader(writer.take()))).toEqual(asked);
    }),
  );
});

function lengthOf(frame: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(frame.length);
  return length;
}
