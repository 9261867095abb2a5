import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InvalidArgumentError, LockError } from "../../../../src/errors.js";
import {
  checkLocated,
  connectString,
  type Locator,
  lookUp,
  oddConnectString,
  oddList,
  parseServers,
  writeAddress,
} from "../../../../src/zookeeper/session/addresses.js";

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
    ["[fe80::1%eth0]:2182/team", [{ host: "fe80::1%eth0", port: 2182 }], "/team"],
    ["bücher.example:1", [{ host: "xn--bcher-kva.example", port: 1 }], ""],
    ["日本語.jp", [{ host: "xn--wgv71a119e.jp", port: 2181 }], ""],
    ["zoo_keeper-1.my_net:1", [{ host: "zoo_keeper-1.my_net", port: 1 }], ""],
  ])("%j", (servers, addresses, chroot) => {
    expect(parseServers(servers)).toEqual({ addresses, chroot });
  });

  test.each([
    ...["", ",", "a,", ":1", "a:", "a:0", "a:65536", "a:123456", "a:b", "a b", "::1", "http://a", "a:1;b:2"],
    ...["[]:1", "[a]:1", "[127.0.0.1]:1", "[::1", "::1]:1", "[::1]2181", "[::1]x:1", "[fe80::1%]:1", "a\0b:1", "ü ü:1"],
  ])("%j is refused, by what it is", (servers) => {
    expect(() => parseServers(servers)).toThrow(InvalidArgumentError);
    expect(() => parseServers(servers)).toThrow("host:port,host:port");
  });
});

describe("parseServers", () => {
  test.each([undefined, null, 2181, true, ["a:1"], { host: "a", port: 1 }])("%j is no string", (servers) => {
    expect(() => parseServers(servers)).toThrow(InvalidArgumentError);
    expect(() => parseServers(servers)).toThrow("are a string");
  });

  test.each(["a:1/x//y", "a:1//x", "a:1/./x", "a:1/x/..", "a:1/x\0", "a:1/x\n"])("%j: a chroot is clean", (servers) => {
    expect(() => parseServers(servers)).toThrow(InvalidArgumentError);
    expect(() => parseServers(servers)).toThrow("clean path");
  });

  test.each(["a:1/x,b:2/x", "a:1/x,b:2", "a/x,b"])("%j: a chroot is written once", (servers) => {
    expect(() => parseServers(servers)).toThrow(InvalidArgumentError);
    expect(() => parseServers(servers)).toThrow("once");
  });
});

describe("checkLocated", () => {
  test.each(["::1", "[::1]"])("takes the host %j", (host) => {
    expect(checkLocated({ host, port: 2181 })).toEqual({ addresses: [{ host: "::1", port: 2181 }], chroot: "" });
  });

  test.each([
    ...[
      undefined,
      null,
      5,
      true,
      {},
      { host: "a" },
      { host: 5, port: 1 },
      { host: "a", port: "1" },
      { host: "", port: 1 },
    ],
    ...[
      { host: "a", port: 0 },
      { host: "a", port: 65_536 },
      { host: "a", port: 1.5 },
      { host: "a:1", port: 1 },
      [["a"]],
    ],
    ...[{ host: "a/b", port: 1 }, ["a:1"], [{ host: "a", port: 1 }, null]],
  ])("refuses %j", (located) => {
    expect(() => checkLocated(located)).toThrow(InvalidArgumentError);
    expect(() => checkLocated(located)).toThrow("A locator resolves with");
  });
});

describe("writeAddress", () => {
  test("puts an IPv6 address into brackets, for people", () => {
    expect(writeAddress({ host: "::1", port: 1 })).toBe("[::1]:1");
    expect(writeAddress({ host: "a", port: 1 })).toBe("a:1");
  });
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

/** What becomes of servers on their way to the C client. */
async function resolveServers(servers: string | Locator): Promise<string> {
  const found = typeof servers === "string" ? parseServers(servers) : checkLocated(await servers());
  return connectString(await lookUp(found));
}

describe("servers on their way to the C client", () => {
  test("gives numeric addresses, an odd number of them, and the chroot", async () => {
    const resolved = await resolveServers("localhost:2182/team");
    const [hosts, chroot] = [resolved.slice(0, resolved.indexOf("/")), resolved.slice(resolved.indexOf("/"))];
    expect(chroot).toBe("/team");
    for (const address of hosts.split(",")) expect(address).toMatch(/^(127\.0\.0\.1|::1):2182$/);
    expect(hosts.split(",").length % 2).toBe(1);
  });

  test("leaves out a name that does not resolve, as long as another one does", async () => {
    expect(await resolveServers("no-such-host.invalid,127.0.0.1:1")).toBe("127.0.0.1:1");
  });

  test.each([
    ["[::1]:2181", "::1:2181"],
    ["[fe80::1%eth0]:2182/team", "fe80::1%eth0:2182/team"],
    ["[::1]:1,127.0.0.1:2", "::1:1,127.0.0.1:2,::1:1"],
  ])("gives %j as the C client reads it: %j", async (servers, forClient) => {
    expect(await resolveServers(servers)).toBe(forClient);
  });

  test("rejects with the resolver's error as the cause", async () => {
    const looking = lookUp(parseServers("no-such-host.invalid:7"));
    await expect(looking).rejects.toMatchObject({ cause: { code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) } });
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
