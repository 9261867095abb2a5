import { expect, test } from "@jest/globals";
import { LockLostError, NotHeldError, type ZkLock } from "../../../src/index.js";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

async function lockAndTicket(): Promise<{ resource: string; lock: ZkLock; deleteTicket: () => Promise<void> }> {
  const resource = setting.resource();
  const lock = (await setting.manager()).createLock(resource);
  const deleteTicket = async () => {
    const [ticket] = await setting.tickets(resource);
    await setting.raw.delete(`${setting.directory(resource)}/${ticket!}`);
  };
  return { resource, lock, deleteTicket };
}

test("the body gets the hold, and its result comes back after the release", async () => {
  const { resource, lock } = await lockAndTicket();
  const result = await lock.using(async (hold) => {
    expect(hold.token).toBe(lock.token);
    expect(hold.leaseMs).toBeGreaterThan(0);
    expect(hold.signal.aborted).toBe(false);
    expect(() => hold.assertHeld()).not.toThrow();
    expect(await setting.tickets(resource)).toHaveLength(1);
    return "done";
  });
  expect(result).toBe("done");
  expect(lock.isHeld).toBe(false);
  expect(await setting.tickets(resource)).toEqual([]);
});

test("a body that is not asynchronous is as good", async () => {
  const { lock } = await lockAndTicket();
  expect(await lock.using(() => 7)).toBe(7);
  const thrown = new TypeError("at once");
  const body = (): never => {
    throw thrown;
  };
  expect(await rejection(lock.using(body))).toBe(thrown);
  expect(lock.isHeld).toBe(false);
});

test("a body's error comes through as it is, after the release", async () => {
  const { resource, lock } = await lockAndTicket();
  const thrown = new Error("from the body");
  expect(await rejection(lock.using(() => Promise.reject(thrown)))).toBe(thrown);
  expect(await setting.tickets(resource)).toEqual([]);
});

test("a hold that has been given back says so", async () => {
  const { lock } = await lockAndTicket();
  const hold = await lock.using((it) => it);
  expect(hold.leaseMs).toBe(0);
  expect(hold.signal.aborted).toBe(false);
  expect(() => hold.assertHeld()).toThrow(NotHeldError);
});

test("a body that released by itself is no error", async () => {
  const { resource, lock } = await lockAndTicket();
  const result = await lock.using(async () => {
    expect(await lock.release()).toBe(true);
    return "released";
  });
  expect(result).toBe("released");
  expect(lock.holdCount).toBe(0);
  expect(await lock.release()).toBe(false);
  expect(await setting.tickets(resource)).toEqual([]);
});

test("a body that released and acquired anew keeps what it took", async () => {
  const { lock } = await lockAndTicket();
  const token = await lock.using(async () => {
    await lock.release();
    return lock.acquire();
  });
  expect(lock.token).toBe(token);
  await lock.release();
});

test("if the hold was lost while the body ran, `using` rejects although the body ended well", async () => {
  const { resource, lock, deleteTicket } = await lockAndTicket();
  const error = await rejection<LockLostError>(
    lock.using(async (hold) => {
      await deleteTicket();
      await until(() => hold.signal.aborted, { what: "the signal to abort" });
      expect(hold.signal.reason).toBeInstanceOf(LockLostError);
      expect(() => hold.assertHeld()).toThrow(LockLostError);
      return "too late";
    }),
  );
  expect(error).toBeInstanceOf(LockLostError);
  expect(error).toMatchObject({ code: "ERR_LOCK_LOST", reason: "ticket-gone", resource });
  expect(error.stack).toContain("using");
  // It has been told; release has nothing more to say.
  expect(await lock.release()).toBe(false);
});

test("if the hold was lost and the body failed, the loss says what the body said", async () => {
  const { lock, deleteTicket } = await lockAndTicket();
  const thrown = new Error("could not write");
  const error = await rejection<LockLostError>(
    lock.using(async (hold) => {
      await deleteTicket();
      await until(() => hold.signal.aborted, { what: "the signal to abort" });
      throw thrown;
    }),
  );
  expect(error).toMatchObject({ code: "ERR_LOCK_LOST", reason: "ticket-gone" });
  expect(error.cause).toBe(thrown);
});

test("`using` inside a hold of the same process enters it, and leaves it held", async () => {
  const { lock } = await lockAndTicket();
  const token = await lock.acquire();
  await lock.using((hold) => {
    expect(hold.token).toBe(token);
    expect(lock.holdCount).toBe(2);
  });
  expect(lock.holdCount).toBe(1);
  await lock.release();
});

test("`using` takes a timeout and a signal, and does not run the body if it does not get the lock", async () => {
  const { resource, lock } = await lockAndTicket();
  await lock.acquire();
  const stranger = (await setting.manager()).createLock(resource);
  const body = () => {
    throw new Error("ran");
  };
  expect(await rejection(stranger.using(body, { timeout: 50 }))).toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT" });
  expect(await rejection(stranger.using(body, { signal: AbortSignal.abort("no") }))).toBe("no");
  await lock.release();
});
