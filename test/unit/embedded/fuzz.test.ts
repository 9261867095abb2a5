import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { type EmbeddedServer, InMemoryZooKeeper } from "../../../src/testing/index.js";
import { Random } from "../../../src/testing/time/random.js";
import { JuteWriter } from "../../../src/zookeeper/wire/jute-writer.js";
import { operations } from "../../../src/zookeeper/wire/operations.js";
import { connectRequest, requestHeader } from "../../../src/zookeeper/wire/records.js";
import { servedOperations } from "../../../src/zookeeper/wire/served-operations.js";

const RANDOM_INPUTS = 400;
const zookeeper = new InMemoryZooKeeper();
const uncaught: unknown[] = [];
const onUncaught = (error: unknown): void => void uncaught.push(error);
let server: EmbeddedServer;

beforeAll(async () => {
  server = await zookeeper.listen();
  process.on("uncaughtException", onUncaught);
});

afterAll(async () => {
  process.off("uncaughtException", onUncaught);
  await server.close();
  zookeeper.stop();
});

// However it was treated, it answers the next one.
afterEach(async () => {
  expect((await exchange([Buffer.from("ruok")])).toString()).toBe("imok");
  expect(uncaught).toEqual([]);
});

/** Sends the pieces, ends its side, and resolves with all that was answered when the connection is closed. */
function exchange(pieces: readonly Buffer[]): Promise<Buffer> {
  return new Promise((resolve) => {
    const answers: Buffer[] = [];
    const socket = open(answers).once("close", () => resolve(Buffer.concat(answers)));
    for (const piece of pieces) socket.write(piece);
    socket.end();
  });
}

function open(answers: Buffer[]): Socket {
  return connect(server.port, "127.0.0.1")
    .setNoDelay(true)
    .on("data", (bytes: Buffer) => answers.push(bytes))
    .on("error", () => undefined);
}

function frame(write: (to: JuteWriter) => void): Buffer {
  const to = new JuteWriter();
  to.beginFrame();
  write(to);
  to.endFrame();
  return to.take();
}

const hello = frame((to) =>
  connectRequest.write(to, {
    protocolVersion: 0,
    lastZxidSeen: 0n,
    timeoutMs: 4_000,
    sessionId: 0n,
    password: Buffer.alloc(16),
    readOnly: false,
  }),
);
const exists = frame((to) => {
  requestHeader.write(to, { xid: 1, operation: operations.exists.number });
  operations.exists.request.write(to, { path: "/", watch: false });
});
const farewell = frame((to) => requestHeader.write(to, { xid: 2, operation: operations.closeSession.number }));

/** The codes of the replies behind the handshake's, by xid. */
function codesIn(answers: Buffer): number[][] {
  const codes: number[][] = [];
  let at = 4 + answers.readInt32BE(0);
  for (; at < answers.length; at += 4 + answers.readInt32BE(at)) {
    codes.push([answers.readInt32BE(at + 4), answers.readInt32BE(at + 16)]);
  }
  return codes;
}

function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

test("requests are answered however they are split", async () => {
  const bytes = Buffer.concat([hello, exists, farewell]);
  const expected = [
    [1, 0],
    [2, 0],
  ];
  expect(codesIn(await exchange([...bytes].map((byte) => Buffer.from([byte]))))).toEqual(expected);
  for (let at = 1; at < bytes.length; at++) {
    const answers: Buffer[] = [];
    const socket = open(answers);
    socket.write(bytes.subarray(0, at));
    await new Promise((resolve) => setImmediate(resolve));
    socket.end(bytes.subarray(at));
    await new Promise((resolve) => socket.once("close", resolve));
    expect(codesIn(Buffer.concat(answers))).toEqual(expected);
  }
});

test("half a request, and the connection is closed, whatever the half", async () => {
  const bytes = Buffer.concat([hello, exists]);
  for (let length = 0; length < bytes.length; length++) await exchange([bytes.subarray(0, length)]);
});

test("random bytes, before and behind the handshake", async () => {
  const random = new Random(7);
  for (let input = 0; input < RANDOM_INPUTS; input++) {
    const garbage = randomBytes(random, random.below(200));
    await exchange(input % 2 === 0 ? [garbage] : [hello, garbage]);
  }
});

test("every operation with a body of random bytes, or of none", async () => {
  const random = new Random(8);
  const known = [...Object.values(operations), ...Object.values(servedOperations)].map(({ number }) => number);
  const numbers = [...known, -1, 0, 10, 16, 20, 21, 103, 104, 9_999];
  for (let input = 0; input < RANDOM_INPUTS; input++) {
    const operation = numbers[input % numbers.length]!;
    const request = frame((to) => {
      requestHeader.write(to, { xid: 1, operation });
      for (const byte of randomBytes(random, input % 3 === 0 ? 0 : random.below(80))) to.byte(byte >> random.below(8));
    });
    await exchange([hello, request]);
  }
});

test("a length that no frame has closes the connection at once", async () => {
  for (const length of [-1, -(2 ** 31), 2 ** 20, 2 ** 31 - 1]) {
    const header = Buffer.alloc(4);
    header.writeInt32BE(length);
    await exchange([hello, header, exists]);
    const answers: Buffer[] = [];
    const socket = open(answers);
    socket.write(header);
    await new Promise((resolve) => socket.once("close", resolve));
    expect(answers).toEqual([]);
  }
});

test("an operation that it does not know gets -6, and the next one its answer", async () => {
  const unknown = frame((to) => requestHeader.write(to, { xid: 7, operation: 9_999 }));
  expect(codesIn(await exchange([hello, unknown, exists, farewell]))).toEqual([
    [7, -6],
    [1, 0],
    [2, 0],
  ]);
});

test("a browser is not answered", async () => {
  expect((await exchange([Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")])).length).toBe(0);
});

test("the words of an administrator", async () => {
  expect((await exchange([Buffer.from("srvr")])).toString()).toMatch(/^Zookeeper version: 3\.8\.0/);
  expect((await exchange([Buffer.from("stat")])).toString()).toContain("Mode: standalone");
  expect((await exchange([Buffer.from("mntr")])).toString()).toMatch(/^zk_znode_count\t\d+$/m);
  expect((await exchange([Buffer.from("nope")])).toString()).toBe("");
});
