import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { FrameSplitter } from "./zookeeper-frames.js";

/** What a proxy does to all the bytes that go one way. */
export interface Direction {
  /** Resolves while bytes may pass; a paused direction holds them back, in order. */
  gate: Promise<void>;
  /** How long each frame is on its way, in milliseconds. */
  delayMs: number;
  /** The largest piece that is written at once, in bytes; Infinity: frames go out whole. */
  chunkBytes: number;
  /** Bytes vanish. */
  blackhole: boolean;
}

interface Parcel {
  readonly bytes: Buffer;
  readonly arrivedMs: number;
}

/** One direction of one connection: takes frames in, and passes them on by what its direction is told to do. */
export class ProxyPipe {
  /** Whether bytes have vanished here: such a connection is not fit for use any more. */
  lossy = false;
  readonly #queue: Parcel[] = [];
  readonly #frames = new FrameSplitter();
  readonly #sink: Socket;
  readonly #direction: Direction;
  #wake: () => void = () => undefined;
  #ended = false;

  /** `pass` sees each frame as it comes in, and says whether it is to go on. */
  constructor(source: Socket, sink: Socket, direction: Direction, pass: (frame: Buffer) => boolean) {
    this.#sink = sink;
    this.#direction = direction;
    source.on("data", (bytes: Buffer) => {
      for (const frame of this.#frames.push(bytes)) if (pass(frame)) this.#take(frame);
    });
    source.once("end", () => {
      for (const rest of this.#frames.end()) this.#take(rest);
      this.#ended = true;
      this.#wake();
    });
    void this.#deliver();
  }

  #take(bytes: Buffer): void {
    this.#queue.push({ bytes, arrivedMs: performance.now() });
    this.#wake();
  }

  async #deliver(): Promise<void> {
    while (!this.#sink.destroyed) {
      const parcel = this.#queue.shift();
      if (!parcel) {
        if (this.#ended) {
          await this.#end();
          return;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          this.#sink.once("close", resolve);
        });
        this.#sink.removeListener("close", this.#wake);
        continue;
      }
      const leftMs = parcel.arrivedMs + this.#direction.delayMs - performance.now();
      if (leftMs > 0) await sleep(leftMs);
      await this.#direction.gate;
      if (this.#direction.blackhole) this.lossy = true;
      else await this.#write(parcel.bytes);
    }
  }

  /** The end of the sender is news too: it waits at the gate like bytes, and vanishes like them. */
  async #end(): Promise<void> {
    await this.#direction.gate;
    if (this.#direction.blackhole) this.lossy = true;
    else this.#sink.end();
  }

  async #write(bytes: Buffer): Promise<void> {
    const { chunkBytes } = this.#direction;
    if (bytes.length <= chunkBytes) {
      this.#sink.write(bytes);
      return;
    }
    for (let start = 0; start < bytes.length && !this.#sink.destroyed; start += chunkBytes) {
      this.#sink.write(bytes.subarray(start, start + chunkBytes));
      // A pause between two pieces, or the receiver's kernel would hand them over as one.
      await sleep(1);
    }
  }
}
