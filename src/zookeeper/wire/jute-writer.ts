const FIRST_BYTES = 1024;

/**
 * Writes values in jute, ZooKeeper's encoding: big-endian numbers, and lengths in front of what varies. Several frames go into one
 * buffer, so that a burst of requests is one write to the socket.
 */
export class JuteWriter {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;
  #frameAt = 0;

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Begins a frame: its length is filled in by `endFrame`. */
  beginFrame(): this {
    this.#frameAt = this.#length;
    return this.int(0);
  }

  endFrame(): void {
    this.#buffer.writeInt32BE(this.#length - this.#frameAt - 4, this.#frameAt);
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#length = this.#buffer.writeUInt8(value, this.#length);
    return this;
  }

  int(value: number): this {
    this.#reserve(4);
    this.#length = this.#buffer.writeInt32BE(value, this.#length);
    return this;
  }

  long(value: bigint): this {
    this.#reserve(8);
    this.#length = this.#buffer.writeBigInt64BE(BigInt.asIntN(64, value), this.#length);
    return this;
  }

  text(value: string): this {
    const bytes = Buffer.byteLength(value);
    this.int(bytes).#reserve(bytes);
    this.#length += this.#buffer.write(value, this.#length);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.int(value.length).#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** All that has been written; the writer begins anew. */
  take(): Buffer {
    const written = this.#buffer.subarray(0, this.#length);
    this.#buffer = Buffer.allocUnsafe(FIRST_BYTES);
    this.#length = 0;
    return written;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, needed));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
