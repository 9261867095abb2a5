import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InvalidArgumentError, LockError } from "../../src/errors.js";
import { oddConnectString, oddList, parseServers, resolveServers } from "../../src/zookeeper/addresses.js";

describe("oddConnectString", () => {
  test.each([
    ["a:1", "a:1"],
    ["a:1,b:2", "a:1,b:2,a:1"],
    ["a:1,b:2/team/a", "a:1,b:2,a:1/team/a"],
    ["a:1,b:2,c:3/x", "a:1,b:2,c:3/x"],
  ])("%j is %j", (connect, odd) => expect(oddConnectString(connect)).toBe(odd));
});

describe("parseServers", () => {
  test.each([
    ["host", [{ host: "host", port: 2181 }], ""],
    ["host:2182", [{ host: "host", port: 2182 }], ""],
    [
      "a:1,b:65535",
      [
        { host: "a", port: 1 },
        { host: "b", port: 65_535 },
      ],
      "",
    ],
    [
      " a:1 , b:2 ",
      [
        { host: "a", port: 1 },
        { host: "b", port: 2 },
      ],
      "",
    ],
    ["zk-1.example.com:2181/team/a", [{ host: "zk-1.example.com", port: 2181 }], "/team/a"],
    ["a:1/", [{ host: "a", port: 1 }], ""],
    ["a:1/x//", [{ host: "a", port: 1 }], "/x"],
    [
      "[::1]:2181,[fe80::1]",
      [
        { host: "::1", port: 2181 },
        { host: "fe80::1", port: 2181 },
      ],
      "",
    ],
    ["127.0.0.1:2181", [{ host: "127.0.0.1", port: 2181 }], ""],
  ])("%j", (servers, addresses, chroot) => {
    expect(parseServers(servers)).toEqual({ addresses, chroot });
  });

  test.each(["", ",", "a,", ":1", "a:", "a:0", "a:65536", "a:123456", "a:b", "a b", "::1", "http://a", "a:1;b:2"])(
    "%j is refused, by what it is",
    (servers) => {
      expect(() => parseServers(servers)).toThrow(InvalidArgumentError);
      expect(() => parseServers(servers)).toThrow("host:port,host:port");
    },
  );
});

describe("oddList", () => {
  test("is odd, and has everybody who was there in the same order, and nobody else", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 12 }), (list) => {
        const odd = oddList(list);
        expect(odd.length % 2).toBe(1);
        expect(odd.slice(0, list.length)).toEqual(list);
        expect(new Set(odd)).toEqual(new Set(list));
      }),
    );
  });

  test("of nobody is nobody", () => {
    expect(oddList([])).toEqual([]);
  });
});

describe("resolveServers", () => {
  test("gives numeric addresses, an odd number of them, and the chroot", async () => {
    const resolved = await resolveServers("localhost:2182/team");
    const [hosts, chroot] = [resolved.slice(0, resolved.indexOf("/")), resolved.slice(resolved.indexOf("/"))];
    expect(chroot).toBe("/team");
    for (const address of hosts.split(",")) expect(address).toMatch(/^(127\.0\.0\.1|\[::1\]):2182$/);
    expect(hosts.split(",").length % 2).toBe(1);
  });

  test("leaves out a name that does not resolve, as long as another one does", async () => {
    expect(await resolveServers("no-such-host.invalid,127.0.0.1:1")).toBe("127.0.0.1:1");
  });

  test("rejects when none does", async () => {
    await expect(resolveServers("no-such-host.invalid:7")).rejects.toThrow(LockError);
    await expect(resolveServers("no-such-host.invalid:7")).rejects.toThrow("no-such-host.invalid:7");
  });

  test("asks a locator, in each of its three ways", async () => {
    const address = { host: "127.0.0.1", port: 5 };
    expect(await resolveServers(() => Promise.resolve("127.0.0.1:5/x"))).toBe("127.0.0.1:5/x");
    expect(await resolveServers(() => Promise.resolve(address))).toBe("127.0.0.1:5");
    const other = { host: "127.0.0.2", port: 6 };
    const list = await resolveServers(() => Promise.resolve([address, other]));
    expect(list).toBe("127.0.0.1:5,127.0.0.2:6,127.0.0.1:5");
    await expect(resolveServers(() => Promise.resolve([]))).rejects.toThrow(LockError);
    await expect(resolveServers(() => Promise.resolve("no address"))).rejects.toThrow(InvalidArgumentError);
  });
});
