import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InvalidArgumentError } from "../../../src/errors.js";
import { checkResource, checkRootDir, directoryOf, levelsOf, resourceOf } from "../../../src/common/resource-path.js";

/** Any name that checkResource lets through. */
const resources = fc
  .oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 60 }),
    fc.string({ unit: fc.constantFrom("/", ".", "%", "2", "F", "E", "a", "~", " "), minLength: 1, maxLength: 8 }),
  )
  .filter((name) => !name.includes("\0") && Buffer.byteLength(name) <= 512);

describe("directoryOf", () => {
  test("gives a single, clean level below the root, whatever the name", () => {
    fc.assert(
      fc.property(resources, (name) => {
        const path = directoryOf("/locks", name);
        expect(path.startsWith("/locks/")).toBe(true);
        const level = path.slice("/locks/".length);
        expect(level).toMatch(/^[A-Za-z0-9%!'()*._~-]+$/);
        expect(["", ".", ".."]).not.toContain(level);
      }),
      { numRuns: 1_000 },
    );
  });

  test("gives no two names the same directory", () => {
    fc.assert(
      fc.property(resources, resources, (one, other) => {
        expect(directoryOf("/locks", one) === directoryOf("/locks", other)).toBe(one === other);
      }),
      { numRuns: 1_000 },
    );
  });

  test("can be read back", () => {
    fc.assert(
      fc.property(resources, (name) => {
        expect(resourceOf(directoryOf("", name).slice(1))).toBe(name);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ["orders-2024_v1.2~x", "orders-2024_v1.2~x"],
    ["a/b", "a%2Fb"],
    [".", "%2E"],
    ["..", "%2E%2E"],
    ["...", "..."],
    ["%2E", "%252E"],
    ["100%", "100%25"],
    ["🔒", "%F0%9F%94%92"],
    ["zookeeper", "zookeeper"],
  ])("%j is %j", (name, level) => {
    expect(directoryOf("/locks", name)).toBe(`/locks/${level}`);
  });
});

test.each(["%2e", "%61", "a%2fb", "%", "%zz", "%E0%A4", "a b", ".", "..", "%2E%2E%2E"])(
  "the level %j is no resource of ours: it is not how we write one",
  (level) => {
    expect(resourceOf(level)).toBeNull();
  },
);

describe("checkResource", () => {
  test("lets any well-formed text of at most 512 bytes through", () => {
    fc.assert(fc.property(resources, (name) => expect(() => checkResource(name)).not.toThrow()));
    expect(() => checkResource("x".repeat(512))).not.toThrow();
    expect(() => checkResource("\ufffd")).not.toThrow();
  });

  test.each([
    "",
    "x".repeat(513),
    "🔒".repeat(129),
    "\0",
    "\ud800",
    "a\udc00",
    "\udc00\ud800",
    1,
    null,
    undefined,
    ["a"],
  ])("refuses %j", (name) => {
    expect(() => checkResource(name)).toThrow(InvalidArgumentError);
  });
});

describe("checkRootDir", () => {
  test.each(["/locks", "/a/b/c", "/a.b", "/.a", "/...", "/zookeeper-locks", "/a/zookeeper", "/größe"])(
    "lets %j through",
    (root) => {
      expect(() => checkRootDir(root)).not.toThrow();
    },
  );

  test.each([
    "",
    "/",
    "locks",
    "/locks/",
    "//locks",
    "/a//b",
    "/a/./b",
    "/a/../b",
    "/.",
    "/..",
    "/zookeeper",
    "/zookeeper/locks",
    "/a\0b",
    "/a\nb",
    "/a\u007f",
    "/a\ud800",
    "/🔒",
    42,
    null,
  ])("refuses %j, and says what is allowed", (root) => {
    expect(() => checkRootDir(root)).toThrow(InvalidArgumentError);
    expect(() => checkRootDir(root)).toThrow("absolute, clean path");
  });
});

test("levelsOf gives every level, the outermost first", () => {
  expect(levelsOf("/a")).toEqual(["/a"]);
  expect(levelsOf("/a/b/c")).toEqual(["/a", "/a/b", "/a/b/c"]);
});
