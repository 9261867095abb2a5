import { describe, expect, test } from "@jest/globals";
import {
  type ConnectOptions,
  InvalidArgumentError,
  type LockOptions,
  type ManagerOptions,
  ZkLockManager,
} from "../../src/index.js";

/** Each with what its message must say. Nothing here may reach the network. */
const BAD_MANAGER_OPTIONS: [unknown, string][] = [
  [null, "object"],
  [42, "object"],
  [{ rootdir: "/locks" }, 'no option "rootdir"; there are rootDir, acquireTimeout, identity, auth'],
  [{ rootDir: "locks" }, "absolute, clean path"],
  [{ rootDir: "/locks/" }, '"/locks/"'],
  [{ rootDir: "/zookeeper/locks" }, "outside /zookeeper"],
  [{ acquireTimeout: -1 }, "acquireTimeout is a finite number of at least 0, not -1"],
  [{ acquireTimeout: NaN }, "not NaN"],
  [{ acquireTimeout: Infinity }, "not Infinity"],
  [{ acquireTimeout: "100" }, "not '100'"],
  [{ acquireTimeout: null }, "not null"],
  [{ identity: "me" }, "object of strings and numbers"],
  [{ identity: null }, "object of strings and numbers"],
  [{ identity: ["a"] }, "object of strings and numbers"],
  [{ identity: { nested: {} } }, "object of strings and numbers"],
  [{ identity: { text: "x".repeat(1_100) } }, "at most 1024 bytes"],
  [{ auth: {} }, 'scheme: "digest"'],
  [{ auth: null }, 'scheme: "digest"'],
  [{ auth: "alice:secret" }, 'scheme: "digest"'],
  [{ auth: { scheme: "sasl", credentials: "a:b" } }, 'scheme: "digest"'],
  [{ auth: { scheme: "digest", credentials: "alice" } }, "user:password"],
  [{ auth: { scheme: "digest", credentials: ":secret" } }, "user:password"],
  [{ auth: { scheme: "digest", credentials: "a:b\0c" } }, "user:password"],
  [{ auth: { scheme: "digest" } }, "user:password"],
  [{ sequenceLimit: -1 }, "sequenceLimit"],
  [{ sequenceLimit: NaN }, "sequenceLimit"],
];

const BAD_CONNECT_OPTIONS: [unknown, string][] = [
  [{ sessionTimeout: 2 ** 31 }, "sessionTimeout is at most 2147483647 ms"],
  [{ sessionTimeout: 2 ** 32 + 5_000 }, "sessionTimeout is at most 2147483647 ms"],
  [{ sessionTimeout: 1e300 }, "sessionTimeout is at most 2147483647 ms"],
  [{ sessionTimeout: 0 }, "sessionTimeout is a finite number of at least 1, not 0"],
  [{ sessionTimeout: Infinity }, "sessionTimeout"],
  [{ sessionTimeout: "4s" }, "sessionTimeout"],
  [{ connectTimeout: -1 }, "connectTimeout"],
  [{ connectTimeout: NaN }, "connectTimeout"],
  [{ connectTimeOut: 1 }, 'no option "connectTimeOut"'],
];

const BAD_LOCK_OPTIONS: [unknown, string][] = [
  [null, "object"],
  [{ timeout: 1 }, 'no option "timeout"; there are rootDir, acquireTimeout, failImmediate, reentrancy'],
  [{ rootDir: "" }, "absolute, clean path"],
  [{ rootDir: "/a/../b" }, "absolute, clean path"],
  [{ acquireTimeout: -0.5 }, "acquireTimeout"],
  [{ failImmediate: "yes" }, "failImmediate is true or false"],
  [{ failImmediate: 1 }, "failImmediate is true or false"],
  [{ reentrancy: "thread" }, "reentrancy is one of process, task, none, not 'thread'"],
  [{ reentrancy: true }, "reentrancy is one of"],
];

const BAD_ACQUIRE_OPTIONS: [unknown, string][] = [
  [null, "object"],
  [100, "object"],
  [{ acquireTimeout: 1 }, 'no option "acquireTimeout"; there are timeout, signal'],
  [{ timeout: -1 }, "timeout is a finite number of at least 0"],
  [{ timeout: NaN }, "timeout"],
  [{ timeout: Infinity }, "timeout"],
  [{ timeout: "1" }, "timeout"],
  [{ signal: {} }, "signal is an AbortSignal"],
  [{ signal: { aborted: false, addEventListener: () => undefined } }, "signal is an AbortSignal"],
  [{ signal: new EventTarget() }, "signal is an AbortSignal"],
  [{ signal: new AbortController() }, "signal is an AbortSignal"],
];

describe("of a manager", () => {
  test.each(BAD_MANAGER_OPTIONS)("%j is refused at once", async (options, why) => {
    const make = () => new ZkLockManager(options as ManagerOptions);
    expect(make).toThrow(InvalidArgumentError);
    expect(make).toThrow(why);
    await expect(ZkLockManager.connect("127.0.0.1:1", options as ConnectOptions)).rejects.toThrow(why);
  });

  test.each(BAD_CONNECT_OPTIONS)("connect: %j is refused before anything is sent", async (options, why) => {
    const started = performance.now();
    const connecting = ZkLockManager.connect("127.0.0.1:1", options as ConnectOptions);
    await expect(connecting).rejects.toThrow(InvalidArgumentError);
    await expect(connecting).rejects.toThrow(why);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  test.each<ManagerOptions>([
    {},
    { rootDir: "/team/locks" },
    { acquireTimeout: 0 },
    { acquireTimeout: 1e15 },
    { identity: {} },
    { identity: { host: "a", pid: 1 } },
    { auth: { scheme: "digest", credentials: "alice:" } },
    { auth: { scheme: "digest", credentials: "alice:se:cr:et" } },
  ])("%j is all right", (options) => {
    expect(() => new ZkLockManager(options)).not.toThrow();
  });
});

describe("of a lock", () => {
  test.each(BAD_LOCK_OPTIONS)("%j is refused at once", (options, why) => {
    const make = () => new ZkLockManager().createLock("r", options as LockOptions);
    expect(make).toThrow(InvalidArgumentError);
    expect(make).toThrow(why);
  });
});

describe("of an acquire", () => {
  test.each(BAD_ACQUIRE_OPTIONS)("%j is refused, without a connection", async (options, why) => {
    const lock = new ZkLockManager().createLock("r");
    await expect(lock.acquire(options as object)).rejects.toThrow(InvalidArgumentError);
    await expect(lock.acquire(options as object)).rejects.toThrow(why);
    await expect(lock.using(() => undefined, options as object)).rejects.toThrow(InvalidArgumentError);
  });
});

test("options that are there but undefined are as good as absent", () => {
  const options = { rootDir: undefined, acquireTimeout: undefined, reentrancy: undefined } as unknown as LockOptions;
  expect(() => new ZkLockManager(options as ManagerOptions)).toThrow('no option "reentrancy"');
  expect(() => new ZkLockManager().createLock("r", options)).not.toThrow();
});

test.each([
  ["ZkLockManager", () => new ZkLockManager(17 as never)],
  ["createLock", () => new ZkLockManager().createLock("r", 17 as never)],
  ["createReadWriteLock", () => new ZkLockManager().createReadWriteLock("r", 17 as never)],
  ["createSemaphore", () => new ZkLockManager().createSemaphore("r", 17 as never)],
  ["createMultiLock", () => new ZkLockManager().createMultiLock(["r"], 17 as never)],
])("what is no object says whose options it was given as: %s", (method, call) => {
  expect(call).toThrow(InvalidArgumentError);
  expect(call).toThrow(`The options of ${method} are an object, not 17.`);
});

test("a call says so too, of any kind that is no object of options", async () => {
  const lock = new ZkLockManager().createLock("r");
  const message = "The options of acquire or using are an object, not";
  await expect(lock.acquire("1 s" as never)).rejects.toThrow(`${message} '1 s'.`);
  await expect(lock.acquire([] as never)).rejects.toThrow(`${message} [].`);
  await expect(lock.using(() => 1, null as never)).rejects.toThrow(`${message} null.`);
  await expect(ZkLockManager.connect("a:1", 17 as never)).rejects.toThrow("options of ZkLockManager.connect are an");
});
