import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { childrenOf, isStopped } from "../../scripts/lib/process-table.mjs";
import { until } from "../helpers/until.js";
import { CLI, type Command, inTerminal, start, zkLock } from "./command.js";
import { useFixture } from "./fixture.js";

const { place, directory } = useFixture("terminal");
const ERASE = "\r\u001b[K";
/** `zk-lock` as the one program of a terminal. */
const onTerminal = (...words: string[]) => inTerminal([process.execPath, CLI, ...words]);

async function hold(resource: string, ...options: string[]): Promise<Command> {
  const holder = start([
    "run",
    ...place,
    ...options,
    resource,
    "sh",
    "-c",
    'echo "held $ZK_LOCK_TOKEN."; exec sleep 60',
  ]);
  await holder.says(/held \d+\./);
  return holder;
}

/** What a terminal shows in the end of what was written to one line of it. */
const lastLines = (text: string) => text.split(ERASE).at(-1);

describe("while zk-lock waits on a terminal", () => {
  test("one line tells how many are ahead, who holds the lock and for how long, and is erased at the end", async () => {
    const holder = await hold("status", "-i", "nightly");
    const waiter = onTerminal("run", ...place, "status", "echo", "mine");
    await waiter.says(/waiting for "status": 1 ahead, held by nightly \(.+, pid \d+\) for [1-9]\d* s/);
    expect(waiter.stdout).not.toContain("\n");
    holder.signal("SIGTERM");
    await holder.ended;
    const { code, stdout } = await waiter.ended;
    expect(code).toBe(0);
    expect(lastLines(stdout)).toBe("mine\r\n");
  });

  test("the line never needs more than one line of the terminal", async () => {
    const holder = await hold("long", "-i", "x".repeat(100));
    const waiter = onTerminal("run", ...place, "long", "true");
    await waiter.says("held by xxx");
    for (const shown of waiter.stdout.split(ERASE)) expect(shown.length).toBeLessThan(80);
    waiter.type("\u0003");
    expect((await waiter.ended).code).toBe(130);
    holder.signal("SIGTERM");
    await holder.ended;
  });

  test("the lines of -v stand above it", async () => {
    const holder = await hold("verbose");
    const waiter = onTerminal("run", ...place, "-v", "verbose", "true");
    await waiter.says(/held by .* for/);
    expect(waiter.stdout).toMatch(/zk-lock: waiting for "verbose": 1 ahead\r\n/);
    waiter.type("\u0003");
    await waiter.ended;
    holder.signal("SIGTERM");
    await holder.ended;
  });
});

describe("the child", () => {
  test("has the terminal, for reading and for writing", async () => {
    const ask = 'test -t 0 && test -t 1 && test -t 2 && printf "name? " && read name && echo "hello $name"';
    const command = onTerminal("run", ...place, "tty", "sh", "-c", ask);
    await command.says("name? ");
    command.type("world\n");
    const { code, stdout } = await command.ended;
    expect({ code, greeted: stdout.includes("hello world") }).toEqual({ code: 0, greeted: true });
  });

  test.each([["in a group of its own"], ["--foreground"]])("gets one SIGINT for one Ctrl-C: %s", async (option) => {
    const options = option.startsWith("--") ? [option] : [];
    const listen = `process.on("SIGINT", () => console.log("interrupted.")); console.log("ready");
      process.on("SIGUSR1", () => process.exit(3)); setInterval(() => {}, 1000);`;
    const command = onTerminal("run", ...place, ...options, "ctrl-c", "node", "-e", listen);
    await command.says("ready");
    command.type("\u0003");
    await command.says("interrupted.");
    // A signal that comes after it has been passed on, so that a second SIGINT would have been seen.
    for (const pid of childrenOf(command.pid)) process.kill(pid, "SIGUSR1");
    const { code, stdout } = await command.ended;
    expect(code).toBe(3);
    expect(stdout.split("interrupted.")).toHaveLength(2);
  });

  test("takes the script with it that it was called by, when Ctrl-C ends it", async () => {
    const words = [process.execPath, CLI, "run", ...place, "loop", "sh", "-c", "echo ready; exec sleep 60"];
    const script = inTerminal(["bash", "-c", 'for n in 1 2; do "$@"; echo "after $n"; done', "bash", ...words]);
    await script.says("ready");
    script.type("\u0003");
    const { code, stdout } = await script.ended;
    expect(code).toBe(130);
    expect(stdout).not.toContain("after");
  });

  test("is left alone by Ctrl-C in the background of a script, in a session of its own", async () => {
    const [go, output] = ["go", "output"].map((name) => join(directory, name));
    const child = `echo ready; until [ -e "${go}" ]; do sleep 0.02; done; echo went on`;
    const words = [process.execPath, CLI, "run", ...place, "background", "sh", "-c", child];
    const inBackground = `setsid "$@" > "${output}" 2>&1 < /dev/null & wait`;
    const script = inTerminal(["bash", "-c", inBackground, "bash", ...words]);
    const written = () => readFileSync(output ?? "", "utf8");
    await until(() => written() === "ready\n", { what: "the command" });
    script.type("\u0003");
    expect((await script.ended).code).toBe(130);
    writeFileSync(go ?? "", "");
    await until(() => written() === "ready\nwent on\n", { what: "the command to end by itself" });
  });

  test("is stopped by Ctrl-Z along with zk-lock, and goes on with it", async () => {
    const command = onTerminal("run", ...place, "ctrl-z", "sh", "-c", 'echo "pid $$."; read line; echo "read $line"');
    await command.says(/pid \d+\./);
    const child = Number(/pid (\d+)\./.exec(command.stdout)?.[1]);
    const [zkLockPid = 0] = childrenOf(command.pid);
    command.type("\u001a");
    await until(() => isStopped(child) && isStopped(zkLockPid), { what: "both to stand still" });
    process.kill(zkLockPid, "SIGCONT");
    await until(() => !isStopped(child), { what: "the child to go on" });
    command.type("on\n");
    const { code, stdout } = await command.ended;
    expect({ code, read: stdout.includes("read on") }).toEqual({ code: 0, read: true });
  });

  test("can open /dev/tty with --foreground, as programs do that ask for a password", async () => {
    const command = onTerminal("run", ...place, "-f", "dev-tty", "sh", "-c", "read word < /dev/tty; echo got $word");
    await command.says("\u001b", 1).catch(() => undefined);
    command.type("secret\n");
    expect((await command.ended).stdout).toContain("got secret");
  });
});

describe("a forced release on a terminal", () => {
  test.each([
    ["y\n", 0],
    ["n\n", 1],
    ["\n", 1],
    ["\u0004", 1],
    ["\u0003", 130],
  ])("is asked for: %j", async (answer, expected) => {
    const holder = await hold("asked", "-i", "nightly");
    const token = /held (\d+)\./.exec(holder.stdout)?.[1] ?? "";
    const release = onTerminal("release", ...place, "--force", "--token", token, "asked");
    await release.says(/Take "asked" away from nightly .*\(token \d+\)\? \[y\/N\] /s);
    release.type(answer);
    const { code } = await release.ended;
    expect(code).toBe(expected);
    if (expected === 0) expect((await holder.ended).code).toBe(2);
    else {
      expect((await zkLock(["show", ...place, "asked"])).stdout).toContain(token);
      holder.signal("SIGTERM");
      await holder.ended;
    }
  });
});
