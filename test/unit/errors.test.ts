import { describe, expect, test } from "@jest/globals";
import * as library from "../../src/index.js";
import { retold } from "../../src/errors.js";

const { LockError } = library;
const cause = new Error("below");
const details = { resource: "r", cause };

const ERRORS = [
  [
    new library.AcquireTimeoutError("m", { ...details, ahead: 2, holder: { pid: 7 } }),
    "AcquireTimeoutError",
    "ERR_ACQUIRE_TIMEOUT",
  ],
  [new library.AlreadyLockedError("m", details), "AlreadyLockedError", "ERR_ALREADY_LOCKED"],
  [new library.NotHeldError("m", details), "NotHeldError", "ERR_NOT_HELD"],
  [new library.LockLostError("m", { ...details, reason: "lease-over" }), "LockLostError", "ERR_LOCK_LOST"],
  [new library.SessionLostError("m", details), "SessionLostError", "ERR_SESSION_LOST"],
  [new library.ManagerClosedError("m", { ...details, reason: "draining" }), "ManagerClosedError", "ERR_MANAGER_CLOSED"],
  [new library.ConnectError("m", details), "ConnectError", "ERR_CONNECT"],
  [new library.AccessDeniedError("m", details), "AccessDeniedError", "ERR_ACCESS_DENIED"],
  [new library.SessionFullError("m", details), "SessionFullError", "ERR_SESSION_FULL"],
  [new library.SelfDeadlockError("m", details), "SelfDeadlockError", "ERR_SELF_DEADLOCK"],
  [new library.InvalidArgumentError("m", details), "InvalidArgumentError", "ERR_INVALID_ARGUMENT"],
  [new library.TokenRangeError("m", details), "TokenRangeError", "ERR_TOKEN_RANGE"],
  [new library.StaleTokenError("m", { ...details, token: 1, highest: 2 }), "StaleTokenError", "ERR_STALE_TOKEN"],
] as const;

describe.each(ERRORS)("%s", (error, name, code) => {
  test(`is a LockError and an Error, with name ${name} and code ${code}`, () => {
    expect(error).toBeInstanceOf(LockError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name, code, message: "m", resource: "r", cause });
    expect(String(error)).toBe(`${name}: m`);
    expect(error.stack).toContain("errors.test");
  });
});

test("what is not known is not there at all", () => {
  const bare = new library.AcquireTimeoutError("m", {});
  for (const name of ["resource", "cause", "ahead", "holder"]) expect(name in bare).toBe(false);
});

test("what is known of a timeout, a loss and a stale token is there", () => {
  expect(ERRORS[0][0]).toMatchObject({ ahead: 2, holder: { pid: 7 } });
  expect(ERRORS[3][0]).toMatchObject({ reason: "lease-over" });
  expect(ERRORS[4][0]).toMatchObject({ reason: "expired" });
  expect(ERRORS[5][0]).toMatchObject({ reason: "draining" });
  expect(ERRORS.at(-1)?.[0]).toMatchObject({ token: 1, highest: 2 });
});

describe("retold", () => {
  test("is a new error of the same kind, with the first one's cause and the caller's resource", () => {
    for (const first of [
      new library.SessionLostError("gone", { cause }),
      new library.AccessDeniedError("no"),
      new library.LimitMismatchError(1, 2, { cause }),
      new library.LockLostError("deleted", { reason: "ticket-gone" }),
      new library.TokenRangeError("too far"),
      new LockError("odd"),
    ]) {
      const again = retold(first, "r");
      expect(again).not.toBe(first);
      expect(again).toMatchObject({
        name: first.name,
        code: first.code,
        message: first.message,
        resource: "r",
      });
      expect((again as Error).cause).toBe(first.cause);
      expect(Object.getPrototypeOf(again)).toBe(Object.getPrototypeOf(first));
    }
    expect(retold(new library.LockLostError("deleted", { reason: "closed" }), "r")).toMatchObject({ reason: "closed" });
    for (const reason of ["expired", "not-connected"] as const) {
      expect(retold(new library.SessionLostError("gone", { reason }), "r")).toMatchObject({ reason });
    }
    for (const reason of ["draining", "closed"] as const) {
      expect(retold(new library.ManagerClosedError("over", { reason }), "r")).toMatchObject({ reason });
    }
  });

  test("who catches SessionLostError catches a shutdown as well, and can tell it apart", () => {
    expect(new library.ManagerClosedError("m")).toBeInstanceOf(library.SessionLostError);
    expect(new library.ManagerClosedError("m").reason).toBe("closed");
    expect(new library.SessionLostError("m")).not.toBeInstanceOf(library.ManagerClosedError);
  });

  test("what is no error of ours is handed through", () => {
    for (const other of [new TypeError("bug"), "text", undefined]) expect(retold(other, "r")).toBe(other);
  });
});
