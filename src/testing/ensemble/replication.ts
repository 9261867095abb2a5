import { InvalidArgumentError } from "../../errors.js";
import type { Server } from "./server.js";
import type { Transaction } from "./transaction.js";

interface Follower {
  readonly server: Server;
  /** How many transactions of the log it has done. */
  done: number;
  /** How many transactions it stays behind; Infinity: it does none by itself. */
  lag: number;
}

const TRIM_AT = 1_024;

/** Hands the leader's transactions to the followers, which may lag. */
export class Replication {
  #log: Transaction[] = [];
  #trimmed = 0;
  readonly #followers: readonly Follower[];

  constructor(
    private readonly leader: Server,
    followers: readonly Server[],
  ) {
    this.#followers = followers.map((server) => ({ server, done: 0, lag: 0 }));
  }

  record(transaction: Transaction): void {
    if (this.#followers.length > 0) this.#log.push(transaction);
    this.leader.apply(transaction);
    for (const follower of this.#followers) this.#follow(follower, this.#end - follower.lag);
    if (this.#log.length >= TRIM_AT) this.#trim();
  }

  /** Brings a server's copy up to the leader's. */
  catchUp(server: Server): void {
    for (const follower of this.#followers) if (follower.server === server) this.#follow(follower, this.#end);
  }

  /** @throws InvalidArgumentError where there is no such follower */
  setLag(index: number, transactions: number): void {
    const follower = this.#followers[index - 1];
    if (follower === undefined)
      throw new InvalidArgumentError(`There is no follower ${index}: see the option \`followers\`.`);
    follower.lag = transactions;
    this.#follow(follower, this.#end - transactions);
  }

  get #end(): number {
    return this.#trimmed + this.#log.length;
  }

  #follow(follower: Follower, upTo: number): void {
    while (follower.done < upTo) follower.server.apply(this.#log[follower.done++ - this.#trimmed] as Transaction);
  }

  #trim(): void {
    const useless = Math.min(...this.#followers.map((follower) => follower.done)) - this.#trimmed;
    this.#log = this.#log.slice(useless);
    this.#trimmed += useless;
  }
}
