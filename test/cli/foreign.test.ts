import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { EPHEMERAL, PERSISTENT, RawClient } from "../helpers/raw-client.js";
import { CLI, type Ending, inTerminal, start, zkLock } from "./command.js";
import { useFixture } from "./fixture.js";

let raw: RawClient;
const { place, servers, root } = useFixture("foreign", async () => {
  await raw.close();
  raw = await RawClient.connect(servers);
  await raw.deleteall(root);
  await raw.close();
});

const codes = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const CONTROLS = [...codes(1, 0x1f), ...codes(0x7f, 0x9f)];
const DIRECTIONS = [0x61c, 0x200e, 0x200f, ...codes(0x202a, 0x202e), ...codes(0x2066, 0x2069), 0x2028, 0x2029];
const HOSTILE = String.fromCodePoint(...CONTROLS, ...DIRECTIONS, 0xfeff, 0xe0041);
/** All of it but the line ends of our own. */
const FORBIDDEN =
  // eslint-disable-next-line no-control-regex -- it is what must not be there
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\u{e0041}]/u;

function expectPlain(...endings: Ending[]): void {
  for (const { stdout, stderr } of endings) {
    expect(FORBIDDEN.exec(stdout)).toBeNull();
    expect(FORBIDDEN.exec(stderr)).toBeNull();
  }
}

/** A ticket in a queue, as any program could put it there. */
async function ticket(resource: string, name: string, data: string, flags = EPHEMERAL): Promise<void> {
  await raw.mkdirp(`${root}/${encodeURIComponent(resource)}`);
  await raw.create(`${root}/${encodeURIComponent(resource)}/${name}`, data, flags);
}

describe("hostile text", () => {
  test("in identities and names is escaped in every table, message and line of JSON", async () => {
    raw = await RawClient.connect(servers);
    const name = `a${HOSTILE}`;
    const watcher = start(["watch", ...place, name]);
    const jsonWatcher = start(["watch", ...place, "--json", name]);
    const holder = start([
      "run",
      ...place,
      "-v",
      "-i",
      HOSTILE,
      name,
      "sh",
      "-c",
      'echo "token $ZK_LOCK_TOKEN."; exec sleep 60',
    ]);
    await holder.says(/token \d+\./);
    const token = /token (\d+)/.exec(holder.stdout)?.[1] ?? "";
    await Promise.all([watcher.says("\\u{1b}"), jsonWatcher.says("\\u001b")]);
    const all = await Promise.all([
      zkLock(["show", ...place, name]),
      zkLock(["ls", ...place]),
      zkLock(["run", ...place, "-w", "0", name, "true"]),
      zkLock(["run", ...place, "-v", "-w", ".1", name, "true"]),
      zkLock(["run", ...place, "-v", "-w", "0", name, "true"]),
      zkLock(["release", ...place, "--force", "--token", token, name]),
      zkLock(["release", ...place, "--force", "--yes", "--token", "1", name]),
    ]);
    const json = await Promise.all([zkLock(["show", ...place, "--json", name]), zkLock(["ls", ...place, "--json"])]);
    expectPlain(...all, ...json);
    expect(all[0].stdout).toContain("\\u{9b}");
    const [shown, listed] = json.map(({ stdout }) => JSON.parse(stdout) as unknown);
    const itself = { resource: name, holders: [{ identity: { id: HOSTILE } }] };
    expect(shown).toMatchObject(itself);
    expect(listed).toMatchObject([itself]);
    expectPlain(await zkLock(["release", ...place, "--force", "--yes", "--token", token, name]));
    for (const one of [watcher, jsonWatcher]) one.signal("SIGTERM");
    expectPlain(await holder.ended, await watcher.ended, await jsonWatcher.ended);
    expect(JSON.parse(jsonWatcher.stdout.split("\n")[0] ?? "")).toMatchObject({
      resource: name,
      identity: { id: HOSTILE },
    });
  });

  test("on the command line itself is escaped where an error repeats it", async () => {
    raw = await RawClient.connect(servers);
    const endings = await Promise.all([
      zkLock([`--${HOSTILE}`]),
      zkLock(["run", `--${HOSTILE}`, "a", "true"]),
      zkLock(["run", ...place, "-w", HOSTILE, "a", "true"]),
      zkLock(["run", "-z", HOSTILE, "a", "true"]),
      zkLock(["run", ...place, "-r", `/${HOSTILE}`, "a", "true"]),
      zkLock(["run", ...place, "a", HOSTILE]),
      zkLock(["run", ...place, "-v", "a", HOSTILE]),
      zkLock(["ls", ...place, "--auth-file", HOSTILE]),
    ]);
    expectPlain(...endings);
    expect(endings.map(({ code }) => code)).toEqual([64, 64, 64, 64, 64, 3, 3, 64]);
  });

  test("cannot forge a line of ours", async () => {
    raw = await RawClient.connect(servers);
    await ticket("lines", "x-lock-0000000000", JSON.stringify({ id: "x\nzk-lock: all is well" }));
    const { stderr } = await zkLock(["run", ...place, "-w", "0", "lines", "true"]);
    expect(stderr).toBe('zk-lock: "lines" is held by x\\u{a}zk-lock: all is well.\n');
  });

  test("reaches no terminal by the status line either", async () => {
    raw = await RawClient.connect(servers);
    await ticket("status", "x-lock-0000000000", JSON.stringify({ id: "\u009b31m\u202ex" }));
    const waiter = inTerminal([process.execPath, CLI, "run", ...place, "status", "true"]);
    await waiter.says("held by \\u{9b}31m\\u{202e}x");
    waiter.type("\u0003");
    const { stdout } = await waiter.ended;
    expect(FORBIDDEN.exec(stdout.replaceAll("\r", "").replaceAll("\u001b[K", "").replaceAll("^C", ""))).toBeNull();
  });

  test("has one way out: no other file of the command line writes", () => {
    const directory = fileURLToPath(new URL("../../src/cli/", import.meta.url));
    const sources = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts"),
    );
    const writing = sources.filter((name) =>
      /writeSync|console\.|stdout\.write|stderr\.write/.test(readFileSync(`${directory}${name}`, "utf8")),
    );
    expect(writing).toEqual([join("terminal", "output.ts")]);
  });
});

describe("tickets of others", () => {
  test("with dates, numbers and 900 kB that mean nothing are shown, and not believed", async () => {
    raw = await RawClient.connect(servers);
    await ticket("dates", "a-__READ__0000000000", '{"id":"late","grantedAt":1e300}');
    await ticket("dates", "b-__READ__0000000001", '{"id":"early","grantedAt":-1e300,"pid":1e999}');
    await ticket("dates", "c-__READ__0000000002", JSON.stringify({ id: "x".repeat(900_000) }));
    await ticket(
      "dates",
      "d-__READ__0000000003",
      '{"id":"odd","grantedAt":"yesterday","__proto__":"x","toString":"y"}',
    );
    const [show, ls, json] = await Promise.all([
      zkLock(["show", ...place, "dates"]),
      zkLock(["ls", ...place]),
      zkLock(["show", ...place, "--json", "dates"]),
    ]);
    expect([show.code, ls.code, json.code]).toEqual([0, 0, 0]);
    expect(show.stdout).toMatch(/holds, shared +late +\d+ +\d+ s /);
    expect(show.stdout).toMatch(/holds, shared +early +\d+ +\d+ s /);
    expect(show.stdout).toMatch(/holds, shared +somebody unnamed +\d+ +\d+ s /);
    const { holders } = JSON.parse(json.stdout) as { holders: { since: string; identity?: object }[] };
    for (const { since } of holders) expect(Math.abs(Date.parse(since) - Date.now())).toBeLessThan(60_000);
    expect(holders[1]?.identity).toEqual({ id: "early" });
    expect(await zkLock(["run", ...place, "-w", "0", "dates", "true"])).toMatchObject({ code: 1 });
    expect(await zkLock(["run", ...place, "-w", "0", "--read", "dates", "true"])).toMatchObject({ code: 0 });
  });

  test("that are none, but resources of a root below with names like tickets, are told for what they are", async () => {
    raw = await RawClient.connect(servers);
    await ticket("team", "nightly-lock-0000000007", "", PERSISTENT);
    const [show, ls] = await Promise.all([zkLock(["show", ...place, "team"]), zkLock(["ls", ...place])]);
    expect(show.stdout).toContain("nobody: this node is no ticket of a session");
    expect(ls.stdout).toMatch(/^team +mutex +nobody: this node is no ticket of a session /m);
    const nested = ["-z", servers, "-r", `${root}/team`];
    expect(await zkLock(["run", ...nested, "nightly-lock-0000000007", "true"])).toMatchObject({ code: 0 });
  });

  test("and a limit that can be none, are no semaphore's", async () => {
    raw = await RawClient.connect(servers);
    await raw.mkdirp(`${root}/limit`);
    for (const limit of ["-5", "0", "1e300", '"3"']) {
      await raw.set(`${root}/limit`, `{"maxConcurrentHolders":${limit},"slots":{"0":-1,"x":2}}`);
      expect((await zkLock(["show", ...place, "--json", "limit"])).stdout).not.toContain("maxConcurrentHolders");
      expect((await zkLock(["run", ...place, "-c", "2", "limit", "sh", "-c", "echo $ZK_LOCK_SLOT"])).stdout).toBe(
        "0\n",
      );
    }
  });
});
