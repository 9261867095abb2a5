import type { EventEmitter } from "node:events";
import { later } from "../common/later.js";
import type { ResourceHold } from "../hold/hold.js";
import { type Taking, Takings } from "../local/taking.js";
import { type LockEvents, passOnEvents } from "./lock-events.js";

/** What one handle has taken and not given back. It tells the handle's listeners of it. */
export class LockTakings {
  readonly all = new Takings();
  readonly #unhook = new Map<ResourceHold, () => void>();
  /** Those holds that were lost. */
  readonly #lost = new Set<ResourceHold>();

  constructor(private readonly handle: EventEmitter<LockEvents>) {}

  keep(taking: Taking): void {
    const { hold } = taking;
    // The new hold settles what was lost before: nobody has to give that back any more.
    for (const old of this.#lost) for (const acquire of this.all.acquiresOf(old)) this.remove(acquire);
    const isNew = !this.all.has(hold);
    this.all.add(taking);
    if (taking.by === "acquire") hold.bareAcquires += 1;
    if (!isNew) return;
    const unhook = passOnEvents(hold, this.handle);
    const over = (): void => {
      if (hold.loss !== null) this.#lost.add(hold);
    };
    hold.on("over", over);
    this.#unhook.set(hold, () => {
      unhook();
      hold.removeListener("over", over);
    });
    later(() => this.handle.emit("acquired", hold.token));
  }

  /** @throws LockLostError if the hold was lost meanwhile */
  async giveBack(taking: Taking): Promise<boolean> {
    const { hold } = taking;
    if (!hold.isHeld) {
      // One call is told for all bare acquires of the handle; a body and an object are each told themselves.
      if (taking.by === "acquire") for (const lost of this.all.acquiresOf(hold)) this.remove(lost);
      this.remove(taking);
      throw hold.lossError();
    }
    this.remove(taking);
    await hold.exit();
    if (!this.all.has(hold)) later(() => this.handle.emit("released", hold.token));
    return true;
  }

  remove(taking: Taking): void {
    const { hold } = taking;
    if (!taking.isOpen) return;
    if (taking.by === "acquire") hold.bareAcquires -= 1;
    this.all.remove(taking);
    if (this.all.has(hold)) return;
    this.#unhook.get(hold)?.();
    this.#unhook.delete(hold);
    this.#lost.delete(hold);
  }
}
