import { expect, test } from "@jest/globals";
import { InvalidArgumentError, ZkLockManager } from "../../../src/index.js";
import { useSetting } from "../../helpers/setting.js";

const setting = useSetting();

const NAMES = {
  "a slash": "a/b",
  "slashes only": "//",
  "an absolute path": "/zookeeper/quota",
  "a dot": ".",
  "two dots": "..",
  "three dots": "...",
  "a way up": "../../etc",
  "an emoji": "🔒",
  "a family": "👨‍👩‍👧‍👦",
  "a right-to-left script": "قفل",
  "512 bytes": "x".repeat(512),
  "512 bytes of emoji": "🔒".repeat(128),
  "512 bytes of slashes": "/".repeat(512),
  "a percent sign": "100%",
  "what is encoded already": "a%2Fb",
  "what is encoded twice": "a%252Fb",
  "a dot encoded": "%2E",
  "ZooKeeper's own directory": "zookeeper",
  "a blank": " ",
  "a line break": "a\nb",
  "a control character": "\u0001",
  "a deleted character": "\u007f\u009f",
  "a private character": "\ue000",
  "a specials character": "\ufff0\uffff",
  "a byte order mark": "\ufeffa",
  "a ticket's own shape": "x-lock-0000000000",
  quotes: `"'\`\\`,
};

test.each(Object.entries(NAMES))("a resource name may be %s", async (_, name) => {
  const lock = (await setting.manager()).createLock(name);
  expect(lock.resource).toBe(name);
  const stranger = (await setting.manager()).createLock(name);
  const token = await lock.acquire();
  expect(await stranger.tryAcquire()).toBeNull();
  const directories = await setting.raw.children(setting.root);
  await lock.release();
  expect(await stranger.acquire()).toBeGreaterThan(token);
  await stranger.release();
  // One level below the root, and nothing beside it.
  expect(directories).toHaveLength(1);
  expect(directories[0]).not.toContain("/");
  await setting.raw.deleteall(setting.root);
});

test("no two of these names share a directory: all can be held at once", async () => {
  const manager = await setting.manager();
  const locks = Object.values(NAMES).map((name) => manager.createLock(name));
  const tokens = await Promise.all(locks.map((lock) => lock.tryAcquire()));
  expect(tokens).not.toContain(null);
  expect(await setting.raw.children(setting.root)).toHaveLength(locks.length);
  await Promise.all(locks.map((lock) => lock.release()));
});

test("a plain name is its directory's name, so that other recipes find it", async () => {
  const lock = (await setting.manager()).createLock("orders-2024_v1.2~x");
  await lock.acquire();
  expect(await setting.raw.children(`${setting.root}/orders-2024_v1.2~x`)).toHaveLength(1);
  await lock.release();
});

test.each([
  ["empty", "", "non-empty string"],
  ["over-long", "x".repeat(513), "at most 512 bytes of UTF-8; this one has 513"],
  ["over-long in bytes only", "é".repeat(257), "this one has 514"],
  ["with a NUL", "a\0b", "NUL"],
  ["a NUL only", "\0", "NUL"],
  ["with a lone surrogate", "a\ud800b", "surrogate"],
  ["with a trailing surrogate only", "\udc00", "surrogate"],
  ["a number", 42, "non-empty string"],
  ["undefined", undefined, "non-empty string"],
  ["null", null, "non-empty string"],
  ["an object", {}, "non-empty string"],
])("a name that is %s is refused at once, before there is any connection", (_, name, why) => {
  const create = () => new ZkLockManager().createLock(name as string);
  expect(create).toThrow(InvalidArgumentError);
  expect(create).toThrow(why);
});
