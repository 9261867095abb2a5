import { InvalidArgumentError } from "../../errors.js";

/** One word of a command. Numbers and bigints are sent as decimal text, Buffers byte by byte. */
export type RedisWord = string | number | bigint | Uint8Array;

/** Lua's stack takes 8,000 values, and a longer command would break the script in the middle. */
const MAX_WORDS = 7_000;

/** What `body` gets: it queues commands, which run in order after the check, with nothing in between. */
export interface RedisTransaction {
  /** Queues one command, such as `call("HSET", "job:7", "state", "done")`. Gives itself, for the next one. */
  call(command: string, ...words: RedisWord[]): RedisTransaction;
}

/** The commands of one run, and their form in the script's ARGV. */
export class CommandQueue implements RedisTransaction {
  readonly #words: Array<string | Buffer> = [];
  readonly #names: string[] = [];
  #closed = false;

  call(command: string, ...words: RedisWord[]): this {
    if (this.#closed) {
      throw new InvalidArgumentError(`The run is over: ${command} was queued too late. Await everything in the body.`);
    }
    const all = [command, ...words];
    if (all.length > MAX_WORDS) {
      throw new InvalidArgumentError(
        `A command has at most ${MAX_WORDS} words; ${command} has ${all.length}: split it.`,
      );
    }
    const encoded = all.map(encode);
    this.#names.push(command);
    this.#words.push(String(all.length), ...encoded);
    return this;
  }

  /** Takes the words for the script; the queue is closed from then on. */
  close(): Array<string | Buffer> {
    this.#closed = true;
    return this.#words;
  }

  nameAt(index: number): string {
    return this.#names[index] ?? "a command";
  }
}

function encode(word: RedisWord): string | Buffer {
  if (typeof word === "string") return word;
  if (typeof word === "bigint" || (typeof word === "number" && Number.isFinite(word))) return String(word);
  if (word instanceof Uint8Array) return Buffer.from(word.buffer, word.byteOffset, word.byteLength);
  throw new InvalidArgumentError(
    `A word of a command is a string, finite number, bigint or Buffer; got ${String(word)}.`,
  );
}
