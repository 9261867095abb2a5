import { spawnSync } from "node:child_process";
import { expect, test } from "@jest/globals";
import { until } from "../helpers/until.js";
import { CLI, type Command, start, zkLock } from "./command.js";
import { useFixture } from "./fixture.js";

interface Ticket {
  position: number;
  token: number;
  identity: { id: string; host: string; pid: number };
  since: string;
  queuedSince: string;
  shared: boolean;
}
interface Status {
  resource: string;
  kind: string;
  holders: Ticket[];
  waiters: Ticket[];
}

const { place } = useFixture("inspection");
const show = async (resource: string) =>
  JSON.parse((await zkLock(["show", ...place, "--json", resource])).stdout) as Status;

/** Holds a resource until it gets a signal. */
async function hold(resource: string, ...options: string[]): Promise<Command> {
  const holder = start(["run", ...place, ...options, resource, "sh", "-c", "echo held; exec sleep 60"]);
  await holder.says("held");
  return holder;
}

async function letGo(...commands: Command[]): Promise<void> {
  for (const command of commands) command.signal("SIGTERM");
  await Promise.all(commands.map(({ ended }) => ended));
}

test("show tells holder and waiters in order, for people and as JSON", async () => {
  const holder = await hold("queue", "-i", "first");
  const waiters: Command[] = [];
  for (const id of ["second", "third"]) {
    const waiter = start(["run", ...place, "-v", "-i", id, "queue", "true"]);
    await waiter.says("ahead");
    waiters.push(waiter);
  }
  const status = await show("queue");
  expect(status).toMatchObject({ resource: "queue", kind: "mutex" });
  expect(status.holders.map(({ identity }) => identity.id)).toEqual(["first"]);
  expect(status.waiters.map(({ identity }) => identity.id)).toEqual(["second", "third"]);
  expect(status.holders[0]?.identity.pid).toBe(holder.pid);
  expect(Math.abs(Date.parse(status.holders[0]?.since ?? "") - Date.now())).toBeLessThan(30_000);
  const { code, stdout } = await zkLock(["show", ...place, "queue"]);
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  expect(lines[0]).toBe("queue: mutex, held by 1, 2 waiting");
  expect(lines[1]).toMatch(/^# +WHO +TOKEN +FOR +SESSION$/);
  expect(lines[2]).toMatch(
    new RegExp(`^0  holds  first \\(.+, pid ${holder.pid}\\) +${status.holders[0]?.token} +\\d+ s `),
  );
  expect(lines[3]).toMatch(/^1 {2}waits {2}second /);
  expect(lines[4]).toMatch(/^2 {2}waits {2}third /);
  await letGo(...waiters, holder);
  expect((await zkLock(["show", ...place, "queue"])).stdout).toBe("queue: free\n");
});

test("ls lists what there is, of each kind", async () => {
  expect(await zkLock(["ls", ...place.slice(0, 2), "-r", "/nowhere"])).toMatchObject({ code: 0, stdout: "" });
  const held = [
    await hold("a mutex"),
    await hold("rw", "--read"),
    await hold("permits", "-c", "3", "-i", "one"),
    await hold("permits", "-c", "3", "-i", "two"),
  ];
  const { stdout } = await zkLock(["ls", ...place]);
  expect(stdout).toMatch(/^RESOURCE +KIND +HELD BY +FOR +WAITING\n/);
  expect(stdout).toMatch(/^a mutex +mutex +\S+ \(pid \d+\) +\d+ s +0$/m);
  expect(stdout).toMatch(/^permits +semaphore 2\/3 +one \(.*\) and 1 more +\d+ s +0$/m);
  expect(stdout).toMatch(/^rw +read-write +/m);
  const json = JSON.parse((await zkLock(["ls", ...place, "--json"])).stdout) as Status[];
  const named = json.filter(({ holders }) => holders.length > 0);
  expect(named.map(({ resource, kind, holders }) => [resource, kind, holders.length])).toEqual([
    ["a mutex", "mutex", 1],
    ["permits", "semaphore", 2],
    ["rw", "read-write", 1],
  ]);
  await letGo(...held);
});

test("what others call themselves cannot paint the terminal", async () => {
  const holder = await hold("colours", "-i", "red\u001b[31m\r");
  const { stdout } = await zkLock(["show", ...place, "colours"]);
  expect(stdout).toContain("red\\u{1b}[31m\\u{d}");
  expect(stdout).not.toContain("\u001b");
  await letGo(holder);
});

test("readers share, a writer waits for them, and --max-holders lets that many in", async () => {
  const readers = [await hold("readers", "--read"), await hold("readers", "--read")];
  expect((await zkLock(["run", ...place, "-w", "0", "--write", "readers", "true"])).code).toBe(1);
  await letGo(...readers);
  expect((await zkLock(["run", ...place, "-w", "0", "--write", "readers", "true"])).code).toBe(0);
  const permits = [await hold("pool", "-c", "2"), await hold("pool", "-c", "2")];
  expect((await zkLock(["run", ...place, "-w", "0", "-c", "2", "pool", "true"])).code).toBe(1);
  await letGo(...permits);
});

test("-c n after -c m says what to do in words of the command line, and --replace-limit does it", async () => {
  const permits = [await hold("limit", "-c", "2")];
  const refused = await zkLock(["run", ...place, "-w", "0", "-c", "3", "limit", "true"]);
  expect(refused).toMatchObject({
    code: 1,
    stderr:
      'zk-lock: "limit" is used with --max-holders 2, not 3: say 2 as well, or change it for everybody with --replace-limit.\n',
  });
  permits.push(await hold("limit", "-c", "3", "--replace-limit"), await hold("limit", "-c", "3"));
  expect((await zkLock(["ls", ...place])).stdout).toMatch(/^limit +semaphore 3\/3 /m);
  await letGo(...permits);
});

test("watch prints a line for each lock and unlock, until a signal comes", async () => {
  const plain = start(["watch", ...place, "watched"]);
  const json = start(["watch", ...place, "--json", "watched"]);
  const marker = await hold("watched", "-i", "marker");
  await Promise.all([plain.says("marker"), json.says("marker")]);
  await letGo(marker);
  await Promise.all([plain.says("unlocked"), json.says("unlocked")]);
  for (const watcher of [plain, json]) watcher.signal("SIGINT");
  const [text, lines] = await Promise.all([plain.ended, json.ended]);
  expect(text.code).toBe(130);
  expect(text.stdout).toMatch(
    /^\d\d:\d\d:\d\d {2}locked {4}watched {2}\d+ {2}marker \(.*\)\n\d\d:\d\d:\d\d {2}unlocked {2}watched/,
  );
  const events = lines.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; token: number });
  expect(events.map(({ type }) => type)).toEqual(["locked", "unlocked"]);
  expect(events[0]?.token).toBe(events[1]?.token);
});

test("release asks for --yes where there is no terminal, and touches no hold but the named one", async () => {
  const holder = await hold("forced");
  const token = String((await show("forced")).holders[0]?.token);
  const release = (...words: string[]) => zkLock(["release", ...place, "--force", ...words, "forced"]);
  const unasked = await release("--token", token);
  expect(unasked).toMatchObject({ code: 64 });
  expect(unasked.stderr).toContain("say --yes");
  const wrong = await release("--yes", "--token", String(Number(token) + 1));
  expect(wrong).toMatchObject({ code: 1 });
  expect(wrong.stderr).toContain("Nobody holds");
  expect((await show("forced")).holders).toHaveLength(1);
  expect(await release("--yes", "--token", token)).toMatchObject({ code: 0 });
  expect((await holder.ended).code).toBe(2);
  await until(async () => (await show("forced")).holders.length === 0, { what: "the lock to be free" });
});

test("a reader that goes away, as head does, is no reason for an error", () => {
  const command = `'${process.execPath}' '${CLI}' ls ${place.join(" ")} --json; echo "code $?" >&2`;
  const { stderr } = spawnSync("bash", ["-c", `(sleep 0.5; ${command}) | true`], { encoding: "utf8" });
  expect(stderr).toBe("code 141\n");
});
