import { expect, test } from "@jest/globals";
import { runInNewContext } from "node:vm";
import { isBusy, isMissingTable, isNoTransaction } from "../../../src/fencing/sqlite/database.js";
import { asError, isError } from "../../../src/fencing/thrown.js";

/** As better-sqlite3 makes its errors, in a realm that is not ours: a native module is loaded once, by whoever comes first. */
const foreign = (message: string, code: string): unknown =>
  runInNewContext(
    `function SqliteError() { this.message = message; this.code = code; }
     Object.setPrototypeOf(SqliteError.prototype, Error.prototype);
     new SqliteError();`,
    { message, code },
  );

test.each([
  ["of ours", new TypeError("x")],
  ["of another realm", runInNewContext("new Error('x')") as unknown],
  ["of another realm, made without Error's constructor", foreign("x", "SQLITE_BUSY")],
])("an error %s is an error", (_, thrown) => {
  expect(thrown instanceof Error).toBe(thrown instanceof TypeError);
  expect(isError(thrown)).toBe(true);
  expect(asError(thrown)).toBe(thrown);
});

test.each([["text"], [undefined], [null], [7], [{}], [{ message: 1 }]])("%p is none, and becomes one", (thrown) => {
  expect(isError(thrown)).toBe(false);
  expect(asError(thrown)).toBeInstanceOf(Error);
});

test("what SQLite says is understood, whatever realm its driver was loaded in", () => {
  expect(isBusy(foreign("database is locked", "SQLITE_BUSY"))).toBe(true);
  expect(isMissingTable(foreign("no such table: fences", "SQLITE_ERROR"))).toBe(true);
  expect(isNoTransaction(foreign("cannot commit - no transaction is active", "SQLITE_ERROR"))).toBe(true);
});
