import { expect, test } from "@jest/globals";
import { Code } from "../../../../src/zookeeper/client/codes.js";
import { Directories } from "../../../../src/zookeeper/nodes/directories.js";
import type { Link } from "../../../../src/zookeeper/client/link.js";

/** Servers that grant whatever is asked. */
const link = {
  request: () => Promise.resolve({ code: Code.ok, value: null, sentAt: { monotonicMs: 0, wallMs: 0 } }),
} as unknown as Link;

const REMEMBERED = 1_000;
const name = (number: number): string => `/locks/resource-${number}`;

test("a session remembers the directories it has secured last, a thousand of them, and no more for its whole life", async () => {
  const directories = new Directories(true);
  for (let number = 0; number < 3 * REMEMBERED; number += 1) await directories.secure(link, name(number));
  const ready = Array.from({ length: 3 * REMEMBERED }, (_, number) => number).filter((number) =>
    directories.isReady(name(number)),
  );
  expect(ready).toEqual(Array.from({ length: REMEMBERED }, (_, place) => 2 * REMEMBERED + place));
  // One that is forgotten is secured again.
  await directories.secure(link, name(0));
  expect([directories.isReady(name(0)), directories.isReady(name(2 * REMEMBERED))]).toEqual([true, false]);
});

test("one that is in use is not forgotten, however many others come and go", async () => {
  const directories = new Directories(true);
  await directories.secure(link, "/locks/mine");
  for (let number = 0; number < 3 * REMEMBERED; number += 1) {
    await directories.secure(link, name(number));
    expect(directories.isReady("/locks/mine")).toBe(true);
  }
});

test("one that is gone is not ready", async () => {
  const directories = new Directories(true);
  await directories.secure(link, name(0));
  directories.forget(name(0));
  expect(directories.isReady(name(0))).toBe(false);
});
