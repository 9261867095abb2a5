import { MalformedMessageError } from "./jute-reader.js";

/** Four megabytes: more than a server with default settings sends (`jute.maxbuffer`), and than we have a use for. */
export const LONGEST_FRAME_BYTES = 4 * 1024 * 1024;

/** Puts the pieces in which a stream arrives together into frames: four bytes of length, then so many bytes. */
export class FrameSplitter {
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Of the frame that is arriving; null: its length is not known yet. */
  #wanted: number | null = null;

  constructor(private readonly longest = LONGEST_FRAME_BYTES) {}

  /**
   * Calls `onFrame` with each frame that is whole by now.
   * @throws MalformedMessageError for a length that no frame has, before the frame is waited for; what `onFrame` throws
   */
  push(piece: Buffer, onFrame: (frame: Buffer) => void): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    for (;;) {
      if (this.#wanted === null) {
        if (this.#bytes < 4) return;
        this.#wanted = this.#checked(this.#take(4).readInt32BE());
      }
      if (this.#bytes < this.#wanted) return;
      const frame = this.#take(this.#wanted);
      this.#wanted = null;
      onFrame(frame);
    }
  }

  #checked(length: number): number {
    if (length >= 0 && length <= this.longest) return length;
    throw new MalformedMessageError(`This is no ZooKeeper: it announces a message of ${length} bytes.`);
  }

  /** Only whole frames are copied together, so that a long one that arrives in many pieces costs no more. */
  #take(bytes: number): Buffer {
    const whole = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces, this.#bytes);
    this.#bytes -= bytes;
    this.#pieces = this.#bytes > 0 ? [whole.subarray(bytes)] : [];
    return whole.subarray(0, bytes);
  }
}
