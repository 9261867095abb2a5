import { LockLostError, SessionLostError, StaleTokenError, ZkLockManager } from "../../src/index.js";
import { type Entry, Ledger } from "./ledger.js";
import type { Message, Task } from "./messages.js";
import { readTransfers, type Transfer } from "./transfers.js";

/** Short, so that the demo does not make us wait; a service would ask for ten seconds or more. */
const SESSION_TIMEOUT_MS = 3_000;

const task = JSON.parse(process.argv[2] ?? "{}") as Task;
const transfers = readTransfers().slice(0, task.transfers);
const ledger = new Ledger(task.ledgerFile, task);
const tokens: number[] = [];
let refused = 0;
let { stopAt } = task;

// A worker does not outlive the one who started it.
const orphaned = (): never => process.exit(1);
process.once("disconnect", orphaned);

const manager = await ZkLockManager.connect(task.servers, {
  client: "wire",
  rootDir: task.rootDir,
  sessionTimeout: SESSION_TIMEOUT_MS,
  acquireTimeout: 60_000,
  identity: { worker: task.name },
});
for (let next = transfers[ledger.takeNext()]; next !== undefined; next = transfers[ledger.takeNext()]) {
  await settle(next);
}
await manager.close();
await tell({
  kind: "done",
  holds: tokens.length,
  firstToken: tokens[0] ?? null,
  lastToken: tokens.at(-1) ?? null,
  refused,
});
process.off("disconnect", orphaned);
process.disconnect();

/** Tries until the transfer is written. A lock can be lost right after the write: then it is not written again. */
async function settle(transfer: Transfer): Promise<void> {
  while (!ledger.isWritten(transfer.id)) {
    try {
      await attempt(transfer);
    } catch (error) {
      const isLoss = [LockLostError, SessionLostError, StaleTokenError].some((Loss) => error instanceof Loss);
      if (!isLoss) throw error;
    }
  }
}

async function attempt(transfer: Transfer): Promise<void> {
  // In the same order everywhere, so that no two workers wait for each other.
  const [low, high] = [transfer.from, transfer.to].sort() as [string, string];
  await manager.createLock(low).using((lowHold) =>
    manager.createLock(high).using(async (highHold) => {
      tokens.push(lowHold.token, highHold.token);
      const token = { [low]: lowHold.token, [high]: highHold.token };
      const entry = (account: string, cents: number): Entry => ({
        account,
        cents,
        balance: ledger.balance(account) + cents,
        token: token[account] ?? NaN,
      });
      const entries = [entry(transfer.from, -transfer.cents), entry(transfer.to, transfer.cents)];
      const isToBeStopped = stopAt !== null && transfer.id >= stopAt;
      if (isToBeStopped) await tellOfStop(transfer, entries);

      // The last look at the lease. It costs nothing, and it cannot help: the process may stop right after it.
      lowHold.assertHeld();
      highHold.assertHeld();
      if (isToBeStopped) stop();
      write(transfer, entries, isToBeStopped);
    }),
  );
}

/** The tokens go along with the write: only the store can know that somebody else has come after us. */
function write(transfer: Transfer, entries: readonly Entry[], isLate: boolean): void {
  try {
    ledger.write(transfer.id, task.name, entries);
    if (isLate) void tell({ kind: "wrote-late", refusal: null });
  } catch (error) {
    if (error instanceof StaleTokenError) {
      refused += 1;
      const { resource: account = "", token, highest } = error;
      if (isLate) void tell({ kind: "wrote-late", refusal: { account, token, highest } });
    }
    throw error;
  }
}

function tellOfStop(transfer: Transfer, entries: readonly Entry[]): Promise<void> {
  const seen = entries.map(({ account, balance, cents, token }) => ({ account, balance: balance - cents, token }));
  return tell({ kind: "stopping", transfer: transfer.id, seen });
}

/** As a debugger, a full disk, a paused virtual machine or a very long garbage collection would. main.ts wakes us. */
function stop(): void {
  stopAt = null;
  process.kill(process.pid, "SIGSTOP");
}

function tell(message: Message): Promise<void> {
  return new Promise((resolve) => process.send?.(message, () => resolve()));
}
