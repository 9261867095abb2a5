import { ZkLockManager } from "../../../src/index.js";
import { openStore } from "./stores/index.js";
import type { StoreAddress } from "./stores/store.js";

/** Which account, under which lock, in which store; and whether the store is asked to check the token. */
export interface Account {
  readonly servers: string;
  readonly rootDir: string;
  readonly account: string;
  readonly store: StoreAddress;
  readonly guarded: boolean;
}

/** Reads the balance under the lock, thinks for a while, and writes the sum: the classic read, modify, write. */
export async function deposit(
  { servers, rootDir, account, store: address, guarded }: Account,
  amount: number,
  think: (token: number) => Promise<void>,
): Promise<void> {
  const manager = await ZkLockManager.connect(servers, { rootDir, sessionTimeout: 1_500 });
  // Whoever loses the lock is told; this teller is one who does not listen.
  manager.on("error", () => undefined);
  const store = await openStore(address);
  try {
    const lock = manager.createLock(account);
    lock.on("lost", () => undefined);
    const token = await lock.acquire();
    const balance = Number(await store.read(account));
    await think(token);
    const sum = String(balance + amount);
    if (guarded) await store.guard().run(account, token, (tx) => store.write(tx, account, sum));
    else await store.bareWrite(account, sum);
  } finally {
    await store.close();
    await manager.close();
  }
}
