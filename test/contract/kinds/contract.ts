import { expect, test } from "@jest/globals";
import type {
  AcquireOptions,
  AcquireTimeoutError,
  LockError,
  LockLostError,
  LockOptions,
  ManagerOptions,
  ZkLockManager,
} from "../../../src/index.js";
import { rejection } from "../../helpers/setting.js";
import { until } from "../../helpers/until.js";
import type { AnyHold, AnyLock, Kind } from "./kinds.js";
import type { World } from "./worlds.js";

/** What every kind of lock promises, whatever its own rules. To be called within a `describe`. */
export function lockContract(world: World, kind: Kind): void {
  /** A lock, and a manager of its own for it. */
  async function lockOf(name: string, options: LockOptions = {}, managerOptions: ManagerOptions = {}) {
    const manager = await world.manager(managerOptions);
    return { manager, lock: kind.lock(manager, name, options) };
  }

  /** The same, on a session that can be made to end. */
  async function mortalLockOf(name: string) {
    const manager = await world.mortal();
    return { manager, lock: kind.lock(manager, name) };
  }

  /** Somebody else keeps every lock of this kind out, until `leave`. */
  async function keptOut(name: string, identity = { who: "opponent" }) {
    const opponents = kind.opponents(await world.manager({ identity }), name);
    for (const opponent of opponents) await opponent.acquire();
    const leave = async (): Promise<void> => {
      for (const opponent of opponents) await opponent.release();
    };
    return { leave };
  }

  async function tickets(name: string): Promise<number> {
    const counts = await Promise.all(kind.resources(name).map((resource) => world.tickets(resource)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  function ticketsToBe(name: string, count: number): Promise<unknown> {
    return until(async () => (await tickets(name)) === count, { what: `${count} tickets of ${name}` });
  }

  test("holds from acquire to release", async () => {
    const name = world.resource();
    const { lock } = await lockOf(name);
    expect(lock.isHeld).toBe(false);
    await lock.acquire();
    expect(lock.isHeld).toBe(true);
    expect(await tickets(name)).toBe(kind.resources(name).length);
    expect(await lock.release()).toBe(true);
    expect(lock.isHeld).toBe(false);
    expect(await tickets(name)).toBe(0);
  });

  test("has nothing to release before the first acquire, and after the last release", async () => {
    const { lock } = await lockOf(world.resource());
    expect(await lock.release()).toBe(false);
    await lock.acquire();
    await lock.release();
    expect(await lock.release()).toBe(false);
  });

  test("numbers its holds in a rising order", async () => {
    const { lock } = await lockOf(world.resource());
    const numbers: number[] = [];
    for (let hold = 0; hold < 5; hold += 1) {
      numbers.push(kind.numberOf(await lock.acquire()));
      await lock.release();
    }
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(numbers.every((number) => Number.isSafeInteger(number))).toBe(true);
  });

  test("waits until those who keep it out have left", async () => {
    const name = world.resource();
    const { leave } = await keptOut(name);
    const standing = await tickets(name);
    const { lock } = await lockOf(name);
    let granted = false;
    const acquiring = lock.acquire().then(() => (granted = true));
    await ticketsToBe(name, standing + 1);
    expect(granted).toBe(false);
    await leave();
    await acquiring;
    expect(lock.isHeld).toBe(true);
    await lock.release();
  });

  test("is served in the order of asking", async () => {
    const name = world.resource();
    const { leave } = await keptOut(name);
    const standing = await tickets(name);
    const order: number[] = [];
    const served: Promise<void>[] = [];
    for (let place = 0; place < 3; place += 1) {
      const { lock } = await lockOf(name);
      served.push(
        lock.using(() => {
          order.push(place);
        }),
      );
      await ticketsToBe(name, standing + place + 1);
    }
    await leave();
    await Promise.all(served);
    // Those who may hold together begin together, so that only what is exclusive has an order.
    expect([...order].sort()).toEqual([0, 1, 2]);
    if (kind.name === "mutex" || kind.name === "write lock" || kind.name === "multi-lock") {
      expect(order).toEqual([0, 1, 2]);
    }
  });

  test("tryAcquire takes what is free", async () => {
    const { lock } = await lockOf(world.resource());
    expect(await lock.tryAcquire()).not.toBeNull();
    expect(lock.isHeld).toBe(true);
    await lock.release();
  });

  test("tryAcquire resolves with null where somebody is in the way, and leaves nothing behind", async () => {
    const name = world.resource();
    const { leave } = await keptOut(name);
    const standing = await tickets(name);
    const { lock } = await lockOf(name);
    expect(await lock.tryAcquire()).toBeNull();
    expect(lock.isHeld).toBe(false);
    await ticketsToBe(name, standing);
    await leave();
  });

  test("failImmediate rejects with AlreadyLockedError, and leaves nothing behind", async () => {
    const name = world.resource();
    const { leave } = await keptOut(name);
    const standing = await tickets(name);
    const { lock } = await lockOf(name, { failImmediate: true });
    expect(await rejection(lock.acquire())).toMatchObject({ code: "ERR_ALREADY_LOCKED", name: "AlreadyLockedError" });
    await ticketsToBe(name, standing);
    await leave();
  });

  test("a timeout names the holder and how many are ahead, and leaves nothing behind", async () => {
    const name = world.resource();
    const { leave } = await keptOut(name, { who: "the one in the way" });
    const standing = await tickets(name);
    const { lock } = await lockOf(name);
    // Its last look at the queue has a tenth of a second: on a busy machine that may be too little, so it may try again.
    const error = await until(
      async () => {
        const late = await rejection<AcquireTimeoutError>(lock.acquire({ timeout: 100 }));
        return late.holder !== undefined && late;
      },
      { what: "a timeout that names the holder" },
    );
    expect(error).toMatchObject({
      code: "ERR_ACQUIRE_TIMEOUT",
      holder: { who: "the one in the way" },
      ahead: standing,
    });
    expect(kind.resources(name)).toContain(error.resource);
    await ticketsToBe(name, standing);
    await leave();
  });

  test("the timeout of the lock, or of its manager, holds where the call names none", async () => {
    const name = world.resource();
    const { leave } = await keptOut(name);
    const ofLock = await lockOf(name, { acquireTimeout: 30 });
    const ofManager = await lockOf(name, {}, { acquireTimeout: 30 });
    for (const { lock } of [ofLock, ofManager]) {
      expect(await rejection(lock.acquire())).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT" });
      expect(await rejection(lock.using(() => undefined))).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT" });
    }
    await leave();
  });

  test("an abort ends the wait with its reason, and leaves nothing behind", async () => {
    const name = world.resource();
    const { leave } = await keptOut(name);
    const standing = await tickets(name);
    const { lock } = await lockOf(name);
    const abort = new AbortController();
    const acquiring = rejection(lock.acquire({ signal: abort.signal }));
    await ticketsToBe(name, standing + 1);
    const reason = new Error("changed my mind");
    abort.abort(reason);
    expect(await acquiring).toBe(reason);
    expect(await rejection(lock.acquire({ signal: abort.signal }))).toBe(reason);
    await ticketsToBe(name, standing);
    await leave();
  });

  test("a waiter that gives up does not hold up the one behind it", async () => {
    const name = world.resource();
    const { leave } = await keptOut(name);
    const standing = await tickets(name);
    const [front, back] = [await lockOf(name), await lockOf(name)];
    const abort = new AbortController();
    const givingUp = rejection(front.lock.acquire({ signal: abort.signal }));
    await ticketsToBe(name, standing + 1);
    const acquiring = back.lock.acquire();
    await ticketsToBe(name, standing + 2);
    abort.abort();
    await givingUp;
    await leave();
    await acquiring;
    await back.lock.release();
  });

  test("using releases when the body ends, and hands its result through", async () => {
    const name = world.resource();
    const { lock } = await lockOf(name);
    const result = await lock.using((hold) => {
      hold.assertHeld();
      expect(hold.leaseMs).toBeGreaterThan(0);
      expect(hold.signal.aborted).toBe(false);
      expect(lock.isHeld).toBe(true);
      return "done";
    });
    expect(result).toBe("done");
    expect(lock.isHeld).toBe(false);
    await ticketsToBe(name, 0);
  });

  test("using releases when the body throws, and hands its error through", async () => {
    const name = world.resource();
    const { lock } = await lockOf(name);
    const error = new Error("the body's");
    let kept: AnyHold | undefined;
    const body = (hold: AnyHold): never => {
      kept = hold;
      throw error;
    };
    expect(await rejection(lock.using(body))).toBe(error);
    expect(
      await rejection(
        lock.using(async (hold) => {
          await Promise.resolve();
          body(hold);
        }),
      ),
    ).toBe(error);
    expect(() => kept?.assertHeld()).toThrow(expect.objectContaining({ code: "ERR_NOT_HELD" }));
    await ticketsToBe(name, 0);
  });

  test("renew asks for what is held, and rejects with NotHeldError without a hold", async () => {
    const { lock } = await lockOf(world.resource());
    expect(await rejection(lock.renew())).toMatchObject({ code: "ERR_NOT_HELD" });
    const granted = await lock.acquire();
    expect(await lock.renew()).toEqual(granted);
    await lock.release();
    expect(await rejection(lock.renew())).toMatchObject({ code: "ERR_NOT_HELD" });
  });

  test("tells of each hold: acquired, released", async () => {
    const { lock } = await lockOf(world.resource());
    const heard: string[] = [];
    lock.on("acquired", () => heard.push("acquired"));
    lock.on("released", () => heard.push("released"));
    await lock.acquire();
    await lock.release();
    await lock.using(() => heard.push("body"));
    expect(heard).toEqual(["acquired", "released", "acquired", "body", "released"]);
  });

  /** The losses that a lock hears of. */
  function losses(lock: AnyLock): LockLostError[] {
    const heard: LockLostError[] = [];
    lock.on("lost", (error) => heard.push(error));
    return heard;
  }

  const firstOf = (heard: readonly LockLostError[]): Promise<LockLostError> =>
    until(() => heard[0], { what: "the lock to be lost" });

  test("the end of the session ends the hold; release says so once", async () => {
    const name = world.resource();
    const { manager, lock } = await mortalLockOf(name);
    const heard = losses(lock);
    await lock.acquire();
    await world.expire(manager);
    expect(await firstOf(heard)).toMatchObject({ code: "ERR_LOCK_LOST", reason: "session-expired" });
    expect(lock.isHeld).toBe(false);
    expect(await rejection(lock.release())).toMatchObject({ code: "ERR_LOCK_LOST", reason: "session-expired" });
    expect(await lock.release()).toBe(false);
    expect(heard).toHaveLength(1);
    await ticketsToBe(name, 0);
  });

  test("a hold that is lost while a body runs aborts its signal, and using rejects", async () => {
    const { manager, lock } = await mortalLockOf(world.resource());
    let seen: unknown;
    const using = lock.using(async ({ signal }) => {
      await world.expire(manager);
      await until(() => signal.aborted, { what: "the signal to abort" });
      seen = signal.reason;
    });
    expect(await rejection(using)).toMatchObject({ code: "ERR_LOCK_LOST", reason: "session-expired" });
    expect(seen).toMatchObject({ code: "ERR_LOCK_LOST", reason: "session-expired" });
  });

  test("the end of the session ends the wait", async () => {
    const name = world.resource();
    const { leave } = await keptOut(name);
    const standing = await tickets(name);
    const { manager, lock } = await mortalLockOf(name);
    const acquiring = rejection(lock.acquire());
    await ticketsToBe(name, standing + 1);
    await world.expire(manager);
    expect(await acquiring).toMatchObject({ code: "ERR_SESSION_LOST" });
    await leave();
  });

  test("a forced release ends the hold, and says so to its holder only", async () => {
    const name = world.resource();
    const { lock } = await lockOf(name);
    const heard = losses(lock);
    const number = kind.numberOf(await lock.acquire());
    const administrator = await world.manager();
    const [resource = ""] = kind.resources(name).filter((one) => kind.name !== "multi-lock" || one !== name);
    const [holder] = (await administrator.inspect(resource)).holders;
    expect(kind.name === "multi-lock" || holder?.token === number).toBe(true);
    expect(await administrator.forceRelease(resource, holder!.token)).toBe(true);
    expect(await firstOf(heard)).toMatchObject({ code: "ERR_LOCK_LOST", reason: "ticket-gone" });
    expect(lock.isHeld).toBe(false);
    expect(await rejection(lock.release())).toMatchObject({ reason: "ticket-gone" });
    await ticketsToBe(name, 0);
  });

  test("close gives back what is held and turns waiters away", async () => {
    const name = world.resource();
    const { manager, lock } = await lockOf(name);
    const heard = losses(lock);
    await lock.acquire();
    const busy = `${name}-busy`;
    const { leave } = await keptOut(busy);
    const standing = await tickets(busy);
    const waiting = rejection(kind.lock(manager, busy).acquire());
    await ticketsToBe(busy, standing + 1);
    await manager.close();
    expect(await waiting).toMatchObject({ code: "ERR_MANAGER_CLOSED", reason: "closed" });
    expect(await firstOf(heard)).toMatchObject({ code: "ERR_LOCK_LOST", reason: "closed" });
    expect(await rejection(lock.acquire())).toMatchObject({ code: "ERR_MANAGER_CLOSED", reason: "closed" });
    await Promise.all([ticketsToBe(name, 0), ticketsToBe(busy, standing)]);
    await leave();
  });

  test("drain waits for the holds, and turns new acquires away", async () => {
    const name = world.resource();
    const { manager, lock } = await lockOf(name);
    await lock.acquire();
    const drained = manager.drain(5_000);
    const another = kind.lock(manager, `${name}-another`);
    expect(await rejection(another.acquire())).toMatchObject({ code: "ERR_MANAGER_CLOSED", reason: "draining" });
    expect(await rejection(another.tryAcquire())).toMatchObject({ code: "ERR_MANAGER_CLOSED", reason: "draining" });
    await lock.release();
    expect(await drained).toEqual([]);
  });

  test("holds() tells what this process holds", async () => {
    const name = world.resource();
    const { manager, lock } = await lockOf(name);
    await lock.acquire();
    const holds: readonly { resource: string; leaseMs: number }[] = manager.holds();
    expect(holds.map(({ resource }) => resource).sort()).toEqual([...kind.resources(name)].sort());
    expect(holds.every(({ leaseMs }) => leaseMs > 0)).toBe(true);
    await lock.release();
    expect(manager.holds()).toEqual([]);
  });

  test.each([
    ["a negative timeout", { timeout: -1 }],
    ["a timeout that is no number", { timeout: Number.NaN }],
    ["an endless timeout", { timeout: Infinity }],
    ["an option that there is not", { timeOut: 1 } as AcquireOptions],
  ])("refuses %s before anything is sent", async (_, options) => {
    const name = world.resource();
    const { manager, lock } = await lockOf(name);
    expect(await rejection<LockError>(lock.acquire(options))).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    expect(await rejection<LockError>(lock.using(() => undefined, options))).toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
    });
    expect(await tickets(name)).toBe(0);
    await idle(manager);
  });

  test("names that cannot be are refused at once", async () => {
    const manager = await world.manager();
    for (const name of ["", "a\0b", "x".repeat(600), "\ud800"]) {
      expect(() => kind.lock(manager, name)).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }));
    }
  });

  /** Nothing is held and nothing waits, in the manager's own book: a drain has nothing to wait for. */
  async function idle(manager: ZkLockManager): Promise<void> {
    const startedAt = performance.now();
    expect(await manager.drain(2_000)).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  }
}
