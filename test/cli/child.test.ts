import { readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { until } from "../helpers/until.js";
import { CLI, type CommandOptions, start, zkLock } from "./command.js";
import { useFixture } from "./fixture.js";

const { place, directory, servers, root } = useFixture("child");
const run = (words: readonly string[], options: CommandOptions = {}) => zkLock(["run", ...place, ...words], options);
/** Prints its arguments, one to a line, so that none can hide. */
const PRINT = ["node", "-e", "console.log(JSON.stringify(process.argv.slice(1)))", "--"];

describe("the command", () => {
  test("gets its arguments as they are: spaces, dashes, quotes, dollars, and those that look like ours", async () => {
    const odd = ["a  b", "--wait", "-v", "--", "", "it's", '"', "$HOME", "*", "--help"];
    const { code, stdout } = await run(["args", "--", ...PRINT, ...odd]);
    expect({ code, args: JSON.parse(stdout) as unknown }).toEqual({ code: 0, args: odd });
  });

  test("needs no dashes before it, and may stand behind dashes that come before the resource", async () => {
    expect((await run(["words", "echo", "-n", "hi"])).stdout).toBe("hi");
    expect((await run(["--", "words", "echo", "-n", "hi"])).stdout).toBe("hi");
  });

  test("reads our standard input to its end, and nothing of it is lost on the way", async () => {
    const input = "0123456789".repeat(50_000);
    const { code, stdout } = await run(["stdin", "cat"], { input });
    expect({ code, same: stdout === input }).toEqual({ code: 0, same: true });
  });

  (process.platform === "linux" ? test : test.skip)("does not inherit our connection to ZooKeeper", async () => {
    // The first three are ours, and ours are what Node calls pipes.
    const { stdout } = await run([
      "descriptors",
      "sh",
      "-c",
      "for n in 3 4 5 6 7 8 9 $(seq 10 40); do readlink /proc/self/fd/$n; done",
    ]);
    expect(stdout).toContain("/dev/null");
    expect(stdout).not.toContain("socket:");
  });

  test("knows its resource and its token, which rises from hold to hold", async () => {
    const words = ["env  x", "sh", "-c", 'echo "$ZK_LOCK_RESOURCE|$ZK_LOCK_TOKEN|$ZK_LOCK_SHARED"'];
    const [first, second] = [await run(words), await run(words)].map(({ stdout }) => stdout.trim().split("|"));
    expect(first).toEqual(["env  x", expect.stringMatching(/^\d+$/), ""]);
    expect(Number(second?.[1])).toBeGreaterThan(Number(first?.[1]));
  });

  test("is told that a shared hold's number is no fence", async () => {
    const words = ["sh", "-c", 'echo "$ZK_LOCK_SHARED"'];
    expect((await run(["--read", "shared", ...words])).stdout).toBe("1\n");
    expect((await run(["--write", "shared", ...words])).stdout).toBe("\n");
    expect((await run(["-c", "2", "permits", ...words])).stdout).toBe("1\n");
  });

  test("gets a slot with --max-holders, which no other holder has, and which is given again", async () => {
    const holders = ["a", "b"].map(() =>
      start(["run", ...place, "-c", "2", "slots", "sh", "-c", 'echo "slot $ZK_LOCK_SLOT"; exec sleep 60']),
    );
    await Promise.all(holders.map((holder) => holder.says("slot ")));
    expect(holders.map(({ stdout }) => stdout).sort()).toEqual(["slot 0\n", "slot 1\n"]);
    const { stdout } = await zkLock(["show", ...place, "slots"]);
    expect(stdout).toMatch(/^#.+ SESSION +SLOT$/m);
    expect(stdout.match(/[01]$/gm)?.sort()).toEqual(["0", "1"]);
    const first = holders.find((holder) => holder.stdout === "slot 0\n");
    first?.signal("SIGTERM");
    await first?.ended;
    expect((await run(["-c", "2", "slots", "sh", "-c", 'echo "$ZK_LOCK_SLOT"'])).stdout).toBe("0\n");
    for (const holder of holders) holder.signal("SIGTERM");
    await Promise.all(holders.map(({ ended }) => ended));
  });

  test("inherits nothing of what another zk-lock said of its lock", async () => {
    const inner = [process.execPath, CLI, "run", ...place, "inner", "sh", "-c"];
    const { stdout } = await run([
      "-c",
      "2",
      "outer",
      ...inner,
      'echo "$ZK_LOCK_RESOURCE|$ZK_LOCK_SHARED|$ZK_LOCK_SLOT"',
    ]);
    expect(stdout).toBe("inner||\n");
  });
});

describe("the environment stands for options:", () => {
  const inherited = { ZK_LOCK_SERVERS: servers, ZK_LOCK_ROOT: root };
  const RESOURCE = ["sh", "-c", 'echo "$ZK_LOCK_RESOURCE"'];

  test("ZK_LOCK_SERVERS and ZK_LOCK_ROOT", async () => {
    // While it is held: an empty directory may be reaped at any time.
    const list = [process.execPath, CLI, "ls", ...place, "--json"];
    const { code, stdout } = await zkLock(["run", "by-env", ...list], { env: inherited });
    expect(code).toBe(0);
    expect(stdout).toContain('"by-env"');
  });

  test("ZK_LOCK_KEY, where all words are the command; a resource with dashes behind it wins, and so does -k", async () => {
    const env = { ...inherited, ZK_LOCK_KEY: "from-env" };
    expect((await zkLock(["run", ...RESOURCE], { env })).stdout).toBe("from-env\n");
    expect((await zkLock(["run", "--", ...RESOURCE], { env })).stdout).toBe("from-env\n");
    expect((await zkLock(["run", "word", "--", ...RESOURCE], { env })).stdout).toBe("word\n");
    expect((await zkLock(["run", "-k", "option", "--", ...RESOURCE], { env })).stdout).toBe("option\n");
    // Dashes that belong to the command stay with it.
    expect((await zkLock(["run", "-k", "option", "echo", "--", "a"], { env })).stdout).toBe("-- a\n");
    expect((await zkLock(["run", "--", "echo", "--", "a"], { env })).stdout).toBe("-- a\n");
  });

  test("ZK_LOCK_ID, ZK_LOCK_TTL and ZK_LOCK_WAIT", async () => {
    const env = { ...inherited, ZK_LOCK_ID: "nightly", ZK_LOCK_TTL: "7", ZK_LOCK_WAIT: "0" };
    const holder = start(["run", "-v", "all", "sh", "-c", "echo held; exec sleep 60"], { env });
    await holder.says("held");
    expect(holder.stderr).toContain("ends after 7 s of silence");
    const { code, stderr } = await zkLock(["run", "all", "true"], { env });
    expect(code).toBe(1);
    expect(stderr).toContain("held by nightly");
    holder.signal("SIGTERM");
    await holder.ended;
  });

  test("an empty one is as good as none, and without any we are known by the host's name", async () => {
    const env = { ...inherited, ZK_LOCK_WAIT: "", ZK_LOCK_ID: "", ZK_LOCK_KEY: "" };
    const holder = start(["run", "empty", "sh", "-c", "echo held; exec sleep 60"], { env });
    await holder.says("held");
    const { stdout } = await zkLock(["show", ...place, "--json", "empty"]);
    const shown = JSON.parse(stdout) as { holders: { identity: object }[] };
    expect(shown.holders[0]?.identity).toEqual({ host: hostname(), id: hostname(), pid: holder.pid });
    holder.signal("SIGTERM");
    await holder.ended;
  });
});

describe("signals", () => {
  /** Writes each signal that it gets, and ends at the SIGTERM. */
  const LISTENER = `
    for (const name of ["SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGTERM"])
      process.on(name, () => { console.log("got " + name + "."); if (name === "SIGTERM") process.exit(9); });
    setInterval(() => {}, 1000);
    console.log("ready");`;

  test("are passed on to the child, each once, and its exit code is ours", async () => {
    const held = start(["run", ...place, "signals", "node", "-e", LISTENER]);
    await held.says("ready");
    const names = ["SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGTERM"] as const;
    for (const name of names) {
      held.signal(name);
      await held.says(`got ${name}.`);
    }
    const { code, stdout } = await held.ended;
    expect(code).toBe(9);
    expect(stdout).toBe(`ready\n${names.map((name) => `got ${name}.\n`).join("")}`);
  });

  test("reach the child's whole process group", async () => {
    const file = join(directory, "grandchild");
    writeFileSync(file, "");
    const grandchild = `trap 'echo ended > "${file}"; exit' TERM; echo ready; while :; do sleep 0.05; done`;
    const held = start(["run", ...place, "group", "sh", "-c", `sh -c '${grandchild.replaceAll("'", `'\\''`)}' & wait`]);
    await held.says("ready");
    held.signal("SIGTERM");
    expect((await held.ended).code).toBe(143);
    await until(() => readFileSync(file, "utf8") === "ended\n", { what: "the grandchild to say goodbye" });
  });
});
