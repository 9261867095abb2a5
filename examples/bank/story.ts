import { setTimeout as sleep } from "node:timers/promises";
import type { Crew } from "./crew.js";
import type { Ledger } from "./ledger.js";
import type { LateWrite, Seen, Tally } from "./messages.js";
import { money, type Terminal } from "./terminal.js";

const LOOK_EVERY_MS = 20;

/** Watches the workers, tells what happens, and wakes the one that is stopped when others have taken its place. */
export class Story {
  readonly tallies = new Map<string, Tally>();
  readonly lateWrites: LateWrite[] = [];
  /** Never resolves; rejects when something in the telling goes wrong. */
  readonly failed: Promise<never>;

  constructor(
    private readonly terminal: Terminal,
    private readonly crew: Crew,
    private readonly ledger: Ledger,
    private readonly bank: { readonly fenced: boolean },
  ) {
    crew.on("done", (worker, tally) => void this.tallies.set(worker, tally));
    crew.on("wrote-late", (worker, write) => this.#onLateWrite(worker, write));
    this.failed = new Promise((_, reject) => {
      crew.on("stopping", (worker, { transfer, seen }) => void this.#onStop(worker, transfer, seen).catch(reject));
    });
  }

  async #onStop(worker: string, transfer: number, seen: readonly Seen[]): Promise<void> {
    const [payer, payee] = seen as [Seen, Seen];
    this.terminal.event(
      `in transfer ${transfer}. ${worker} holds "${payer.account}" (token ${payer.token}) and "${payee.account}" ` +
        `(token ${payee.token}), has read ${money(payer.balance)} and ${money(payee.balance)}, has made sure that both ` +
        `locks are still held, and now stands still, right before the write (SIGSTOP).`,
      { text: "STOPPED", style: "yellow" },
    );
    await this.#othersGoOn(seen);
    const successors = seen.map(({ account }) => {
      const last = this.ledger.lastWriter(account);
      return `${last?.worker ?? "nobody"} has written to "${account}" (token ${last?.token ?? 0})`;
    });
    this.terminal.event(`ZooKeeper has ended ${worker}'s session, and others go on: ${successors.join(", ")}.`);
    this.terminal.event(`and goes on where it stood: with the write (SIGCONT). ${worker} knows of nothing.`, {
      text: `${worker.toUpperCase()} WAKES`,
      style: "yellow",
    });
    this.crew.wake(worker);
  }

  /** Until both balances are not any more what the stopped worker has read: now its write would do harm. */
  async #othersGoOn(seen: readonly Seen[]): Promise<void> {
    while (seen.some(({ account, balance }) => this.ledger.balance(account) === balance)) await sleep(LOOK_EVERY_MS);
  }

  #onLateWrite(worker: string, write: LateWrite): void {
    this.lateWrites.push(write);
    if (write.refusal !== null) {
      const { account, token, highest } = write.refusal;
      this.terminal.event(
        `"${account}" has seen token ${highest}, ${worker} comes with ${token}: nothing is written. ${worker} takes both ` +
          "locks again and does it over, with the balances of now.",
        { text: "REFUSED", style: "green" },
      );
    } else if (this.bank.fenced) {
      this.terminal.event(`by ${worker}, although the fence was up.`, { text: "WRITTEN", style: "red" });
    } else {
      this.terminal.event(`Old balances over new ones: what the others did meanwhile is gone.`, {
        text: "WRITTEN.",
        style: "red",
      });
    }
  }
}
