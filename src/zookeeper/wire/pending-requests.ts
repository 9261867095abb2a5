import type { Instant } from "../../common/clock.js";
import type { JuteReader } from "./jute-reader.js";

/** A request that has been sent and not answered. */
export interface PendingRequest {
  readonly xid: number;
  readonly sentAt: Instant;
  /** Reads what was answered; what it returns hands it on. @throws MalformedMessageError */
  read(code: number, body: JuteReader): () => void;
  /** There will be no answer. */
  giveUp(): void;
}

/** Requests in the order in which they were sent: ZooKeeper answers a client in that order. Each step costs the same. */
export class PendingRequests {
  #queue: (PendingRequest | undefined)[] = [];
  /** Where the oldest one stands: what is before it has been answered. */
  #head = 0;

  get oldest(): PendingRequest | undefined {
    return this.#queue[this.#head];
  }

  get size(): number {
    return this.#queue.length - this.#head;
  }

  add(request: PendingRequest): void {
    this.#queue.push(request);
  }

  removeOldest(): void {
    this.#queue[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#queue.length) this.#clear();
    else if (this.#head > 1_024 && 2 * this.#head > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Takes all out, the oldest first. */
  takeAll(): PendingRequest[] {
    const all = this.#queue.slice(this.#head) as PendingRequest[];
    this.#clear();
    return all;
  }

  #clear(): void {
    this.#queue = [];
    this.#head = 0;
  }
}
