import { describe, expect, test } from "@jest/globals";
import { describeIdentity } from "../../../src/local/describe-identity.js";
import { acquireTimedOut, alreadyLocked } from "../../../src/local/outcome.js";

describe("who holds, in a message", () => {
  test.each([
    [{ host: "host-a", pid: 4711 }, "host-a (pid 4711)"],
    [{ name: "night shift", host: "host-a", pid: 4711 }, "night shift (host-a, pid 4711)"],
    [{ pid: 1, id: "web", role: "api" }, "web (pid 1, role api)"],
    [{ pid: 4711 }, "pid 4711"],
    [{ zone: "eu", rack: 7 }, "zone eu (rack 7)"],
    [{ name: "", host: "a" }, "a"],
    [{}, "somebody unnamed"],
    // Others write what they like: a message that goes to a terminal or a log is one plain line all the same.
    [{ name: "a\n\u001b[2Jb\u202e" }, "a\\u{a}\\u{1b}[2Jb\\u{202e}"],
    [{ "k\ney": "v" }, "k\\u{a}ey v"],
  ])("%j is %s", (identity, text) => expect(describeIdentity(identity)).toBe(text));

  test("is cut where it is too long for a message", () => {
    expect(describeIdentity({ name: "x".repeat(5_000) })).toBe(`${"x".repeat(200)}…`);
  });
});

describe("the message of a refusal", () => {
  const holder = { host: "host-a", pid: 4711 };

  test("a timeout says how long it was, who is in the way, and how many", () => {
    const messageOf = (...standing: Parameters<typeof acquireTimedOut>): string => acquireTimedOut(...standing).message;
    expect(messageOf("x", { ahead: 3, holder }, 5_000)).toBe(
      'Timed out after 5000 ms waiting for "x": 3 tickets are ahead, held by host-a (pid 4711).',
    );
    expect(messageOf("x", { ahead: 1 }, 497.7686189)).toBe(
      'Timed out after 498 ms waiting for "x": 1 ticket is ahead.',
    );
    expect(messageOf("x", { holder }, 0)).toBe('Timed out after 0 ms waiting for "x": held by host-a (pid 4711).');
    expect(messageOf("x", {}, 1)).toBe('Timed out after 1 ms waiting for "x".');
    expect(acquireTimedOut("x", { ahead: 3, holder }, 1)).toMatchObject({ ahead: 3, holder, resource: "x" });
  });

  test("so does one that does not wait", () => {
    expect(alreadyLocked("x", { holder }).message).toBe('"x" is held by host-a (pid 4711).');
    expect(alreadyLocked("x", {}).message).toBe('"x" is held by somebody else.');
  });
});
