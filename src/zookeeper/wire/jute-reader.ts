/** Bytes that are no message of ZooKeeper's: the connection they came on is of no use any more. */
export class MalformedMessageError extends Error {
  override readonly name = "MalformedMessageError";
}

/** Reads values in jute from one frame. Nothing outside the frame is ever read, whatever lengths it claims. */
export class JuteReader {
  #at = 0;

  constructor(private readonly frame: Buffer) {}

  /** How many bytes have not been read. */
  get left(): number {
    return this.frame.length - this.#at;
  }

  byte(): number {
    return this.frame.readUInt8(this.#skip(1));
  }

  int(): number {
    return this.frame.readInt32BE(this.#skip(4));
  }

  long(): bigint {
    return this.frame.readBigInt64BE(this.#skip(8));
  }

  /** A long as a number: exact below 2^53, and never below 2^53 for what is past it. */
  number(): number {
    const at = this.#skip(8);
    return this.frame.readInt32BE(at) * 2 ** 32 + this.frame.readUInt32BE(at + 4);
  }

  /** A text; one that is absent (length -1) reads as the empty one. */
  text(): string {
    const length = this.int();
    if (length === -1) return "";
    const at = this.#skip(length);
    return this.frame.toString("utf8", at, at + length);
  }

  /** A copy of the bytes: the frame's own are used again. Null: absent (length -1). */
  bytes(): Buffer | null {
    const length = this.int();
    if (length === -1) return null;
    const at = this.#skip(length);
    return Buffer.from(this.frame.subarray(at, at + length));
  }

  /** How many elements follow; each takes at least `leastBytes`, so a count past the frame is refused before any is made. */
  count(leastBytes: number): number {
    const count = this.int();
    if (count === -1) return 0;
    if (count < -1 || count * leastBytes > this.left) {
      throw new MalformedMessageError(`A list of ${count} elements does not fit into ${this.left} bytes.`);
    }
    return count;
  }

  #skip(bytes: number): number {
    if (bytes < 0 || bytes > this.left) {
      throw new MalformedMessageError(`A value of ${bytes} bytes does not fit into the ${this.left} that are left.`);
    }
    const at = this.#at;
    this.#at += bytes;
    return at;
  }
}
