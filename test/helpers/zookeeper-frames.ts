/** The operations of ZooKeeper's wire protocol, by their number in a request's header. */
export const OPCODES = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  createContainer: 19,
  setAuth: 100,
  setWatches: 101,
  closeSession: -11,
} as const;

export type Opcode = keyof typeof OPCODES;

/** A create that is answered with the node's stat besides. Our own client sends it where the native one sends `create`. */
const CREATE2 = 15;

/** A longer frame does not exist (a server takes 1 MiB): such bytes are something else, a four-letter word for one. */
const LONGEST_FRAME = 64 * 1024 * 1024;
const LENGTH_BYTES = 4;

/** Cuts one direction of a connection into ZooKeeper's frames, each with its four bytes of length in front. */
export class FrameSplitter {
  #rest: Buffer = Buffer.alloc(0);
  /** Not ZooKeeper's frames: passed on as it comes. */
  #opaque = false;

  /** The frames that `bytes` completes. */
  push(bytes: Buffer): Buffer[] {
    if (this.#opaque) return [bytes];
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: Buffer[] = [];
    while (this.#rest.length >= LENGTH_BYTES) {
      const length = this.#rest.readUInt32BE(0);
      if (length > LONGEST_FRAME) {
        this.#opaque = true;
        frames.push(this.#rest);
        this.#rest = Buffer.alloc(0);
        break;
      }
      const end = LENGTH_BYTES + length;
      if (this.#rest.length < end) break;
      frames.push(this.#rest.subarray(0, end));
      this.#rest = this.#rest.subarray(end);
    }
    return frames;
  }

  /** The bytes of a frame that did not become whole before the connection ended. */
  end(): Buffer[] {
    return this.#rest.length > 0 ? [this.#rest] : [];
  }
}

/**
 * What a server answers to the handshake of a session that it does not know (any more): protocol 0, no timeout, no session, an
 * empty password, not read-only.
 */
export const SESSION_EXPIRED = Buffer.concat([
  Buffer.from([0, 0, 0, 37]),
  Buffer.alloc(4 + 4 + 8),
  Buffer.from([0, 0, 0, 16]),
  Buffer.alloc(16 + 1),
]);

export interface RequestHeader {
  readonly xid: number;
  readonly opcode: number;
}

/** The header of a request: not of the first frame of a connection, which is the handshake. A create2 counts as a create. */
export function requestHeader(frame: Buffer): RequestHeader | undefined {
  if (frame.length < 12) return undefined;
  const opcode = frame.readInt32BE(8);
  return { xid: frame.readInt32BE(4), opcode: opcode === CREATE2 ? OPCODES.create : opcode };
}

export interface ReplyHeader {
  readonly xid: number;
  readonly zxid: bigint;
  /** 0, or the server's error code. */
  readonly err: number;
}

/** The header of a reply: not of the first frame of a connection, which answers the handshake. */
export function replyHeader(frame: Buffer): ReplyHeader | undefined {
  if (frame.length < 20) return undefined;
  return { xid: frame.readInt32BE(4), zxid: frame.readBigInt64BE(8), err: frame.readInt32BE(16) };
}
