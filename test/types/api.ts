/* eslint-disable @typescript-eslint/no-unused-vars, @typescript-eslint/no-unnecessary-type-parameters,
   @typescript-eslint/no-duplicate-type-constituents -- only the types of things are looked at here */
/**
 * The public contract as a user's compiler sees it: this file is compiled by the type check and never run. What must not
 * compile stands below a `@ts-expect-error`, so it fails the check when it does.
 */
import {
  AcquireTimeoutError,
  type Address,
  type AcquireOptions,
  type ConnectOptions,
  type FencingToken,
  type Hold,
  type Identity,
  LockError,
  type LockEvents,
  LockLostError,
  type LockOptions,
  type LossReason,
  type ManagerEvents,
  type ManagerOptions,
  type MultiLockEvents,
  type HeldResource,
  type Reentrancy,
  type SemaphoreHold,
  type SlotOptions,
  StaleTokenError,
  type TicketStatus,
  type WatcherEvents,
  type ZkLock,
  ZkLockManager,
  type ZkSemaphore,
  type Locator,
  type ZooKeeperClient,
} from "../../src/index.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only where the two are the same type. */
function same<A, B>(_proof: Equal<A, B>): void {
  // There is nothing to do at run time.
}

same<FencingToken, number>(true);
same<Reentrancy, "process" | "task" | "none">(true);
same<LossReason, "lease-over" | "session-expired" | "ticket-gone" | "closed">(true);

same<keyof ManagerEvents, "connected" | "suspended" | "lost" | "replaced" | "force-released" | "error">(true);
same<LockEvents["lost"], [error: LockLostError]>(true);
same<MultiLockEvents["lost"], [error: LockLostError]>(true);
same<keyof WatcherEvents, "locked" | "unlocked" | "event" | "error" | "closed">(true);
same<Awaited<ReturnType<Locator>>, string | Address | Address[]>(true);

export async function usesAManager(client: ZooKeeperClient): Promise<void> {
  const manager = new ZkLockManager();
  same<typeof manager, ZkLockManager>(true);
  const chained: ZkLockManager = manager.init(client);
  const options: ConnectOptions = {
    rootDir: "/locks",
    acquireTimeout: 100,
    identity: { host: "a", pid: 1 },
    auth: { scheme: "digest", credentials: "a:b" },
    sessionTimeout: 4_000,
    connectTimeout: 1_000,
  };
  const locators: Locator[] = [
    () => Promise.resolve("a:1"),
    () => Promise.resolve({ host: "a", port: 1 }),
    () => Promise.resolve([{ host: "a", port: 1 }]),
  ];
  for (const servers of ["a:1", ...locators]) await ZkLockManager.connect(servers, options);

  const { id, state, timeoutMs, leaseMs } = chained.session;
  same<typeof id, string>(true);
  same<typeof state, "connected" | "suspended" | "lost">(true);
  same<typeof timeoutMs | typeof leaseMs, number>(true);
  manager
    .on("connected", () => undefined)
    .on("suspended", () => undefined)
    .on("lost", () => undefined);
  manager.on("error", (error) => same<typeof error, LockError>(true));

  // @ts-expect-error There is no such event.
  manager.on("reconnected", () => undefined);
  // @ts-expect-error The session is read, not set.
  manager.session = { id: "", state: "lost", timeoutMs: 0, leaseMs: 0 };
  // @ts-expect-error Timeouts of the session are for connect(): a client that is handed in has its own.
  new ZkLockManager({ sessionTimeout: 1 } satisfies ManagerOptions);
  // @ts-expect-error Only digest can be spoken.
  new ZkLockManager({ auth: { scheme: "sasl", credentials: "a:b" } });
  // @ts-expect-error A name is a string.
  manager.createLock(42);

  await manager.close();
  await manager[Symbol.asyncDispose]();
}

export async function usesALock(lock: ZkLock, signal: AbortSignal): Promise<void> {
  const acquireOptions: AcquireOptions = { timeout: 1, signal };
  const token = await lock.acquire(acquireOptions);
  same<typeof token, number>(true);
  const tried = await lock.tryAcquire();
  same<typeof tried, number | null>(true);
  const released = await lock.release();
  same<typeof released, boolean>(true);
  const renewed = await lock.renew();
  same<typeof renewed, number>(true);

  same<ZkLock["token"], number | null>(true);
  same<ZkLock["isHeld"], boolean>(true);
  same<ZkLock["holdCount"], number>(true);
  same<ZkLock["signal"], AbortSignal>(true);
  same<ZkLock["resource"], string>(true);
  same<ZkLock["shared"], boolean>(true);

  lock.on("queued", ({ ahead }) => same<typeof ahead, number>(true));
  lock.on("acquired", (given) => same<typeof given, number>(true));
  lock.on("released", (given) => same<typeof given, number>(true));
  lock.on("suspended", () => undefined).on("resumed", () => undefined);
  lock.on("lost", (error) => same<typeof error, LockLostError>(true));

  // @ts-expect-error Nobody sets the token.
  lock.token = 1;
  // @ts-expect-error The signal aborts an acquire; it is no way to say how long.
  await lock.acquire({ signal: 100 });
  // @ts-expect-error A time is in milliseconds, a number.
  await lock.acquire({ timeout: "1s" });
  // @ts-expect-error tryAcquire waits for nobody, so there is nothing to say.
  await lock.tryAcquire({ timeout: 1 });
}

export async function usesUsing(lock: ZkLock): Promise<void> {
  const text = await lock.using((hold) => {
    same<typeof hold, Hold>(true);
    same<Hold["token"], number>(true);
    same<Hold["signal"], AbortSignal>(true);
    same<Hold["leaseMs"], number>(true);
    hold.assertHeld();
    return "text";
  });
  same<typeof text, string>(true);
  const later = await lock.using(async ({ token }) => Promise.resolve(token), { timeout: 5 });
  same<typeof later, number>(true);
}

export async function usesASemaphore(manager: ZkLockManager, signal: AbortSignal): Promise<void> {
  const permits = manager.createSemaphore("r", { maxConcurrentHolders: 2 });
  same<typeof permits, ZkSemaphore>(true);
  const lock: ZkLock = permits;
  await lock.using((hold) => same<typeof hold, Hold>(true));
  const options: SlotOptions = { signal };
  const slot = await permits.slot(options);
  same<typeof slot, number>(true);
  const text = await permits.using(async (hold) => {
    same<typeof hold, SemaphoreHold>(true);
    return String(await hold.slot({ signal }));
  });
  same<typeof text, string>(true);
  // A body that knows nothing of slots will do.
  await permits.using((hold: Hold) => hold.token);
  same<TicketStatus["slot"], number | undefined>(true);
  same<HeldResource["slot"], number | undefined>(true);

  // @ts-expect-error There is nothing but the signal to say.
  await permits.slot({ timeout: 1 });
  // Other locks have no slots, nor have their holds.
  same<"slot" extends keyof ZkLock ? true : false, false>(true);
  same<"slot" extends keyof Hold ? true : false, false>(true);
}

export function usesOptions(): LockOptions[] {
  // @ts-expect-error There are three kinds of re-entrancy.
  const wrong: LockOptions = { reentrancy: "thread" };
  return [wrong, {}, { rootDir: "/a", acquireTimeout: 0, failImmediate: true, reentrancy: "none" }];
}

export function tellsErrorsApart(error: unknown): string {
  if (error instanceof AcquireTimeoutError) {
    same<typeof error.ahead, number | undefined>(true);
    same<typeof error.holder, Identity | undefined>(true);
    same<typeof error.code, "ERR_ACQUIRE_TIMEOUT">(true);
    same<typeof error.name, "AcquireTimeoutError">(true);
  }
  if (error instanceof LockLostError) same<typeof error.reason, LossReason>(true);
  if (error instanceof StaleTokenError) same<typeof error.token | typeof error.highest, number>(true);
  if (!(error instanceof LockError)) return "not ours";
  same<typeof error.resource, string | undefined>(true);
  const plain: Error = error;
  return `${plain.name} ${error.code}`;
}

/** Under exactOptionalPropertyTypes, as here: an option that a caller may have and may not have is handed on as it is. */
export async function handsOptionsOn(
  manager: ZkLockManager,
  maybe: {
    [Name in keyof Required<ConnectOptions & LockOptions & AcquireOptions>]:
      (ConnectOptions & LockOptions & AcquireOptions)[Name] | undefined;
  },
): Promise<void> {
  const { rootDir, acquireTimeout, identity, auth, sessionTimeout, connectTimeout } = maybe;
  const { failImmediate, reentrancy, timeout, signal } = maybe;
  const lockOptions: LockOptions = { rootDir, acquireTimeout, failImmediate, reentrancy };
  await manager.createLock("r", lockOptions).acquire({ timeout, signal });
  await manager.createSemaphore("r", { maxConcurrentHolders: 1, replaceLimit: failImmediate }).slot({ signal });
  await ZkLockManager.connect("a:1", { rootDir, acquireTimeout, identity, auth, sessionTimeout, connectTimeout });
  manager.watch("r", { signal });
  const resources: readonly string[] = ["a", "b"] as const;
  manager.createMultiLock(resources);
}
