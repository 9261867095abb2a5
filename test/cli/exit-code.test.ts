import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { freePort } from "../../scripts/lib/free-port.mjs";
import { TcpProxy } from "../helpers/tcp-proxy.js";
import { CLI, Command, start, zkLock } from "./command.js";
import { useFixture } from "./fixture.js";

const { place, directory, servers, root } = useFixture("exit-code");
const run = (...words: string[]) => zkLock(["run", ...place, ...words]);

describe("the exit code is", () => {
  test("the child's, and nothing is said", async () => {
    expect(await run("a", "sh", "-c", "exit 0")).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(await run("a", "sh", "-c", "exit 77")).toMatchObject({ code: 77, stdout: "", stderr: "" });
  });

  test.each([
    ["SIGKILL", 137],
    ["SIGTERM", 143],
    ["SIGUSR1", 138],
    ["SIGPIPE", 141],
    ["SIGSEGV", 139],
  ] as const)("128 + n in a shell, as we die of the signal that ended the child: %s", async (signal, code) => {
    const words = ["a", "--", "sh", "-c", `kill -s ${signal.slice(3)} $$`];
    expect(await run(...words)).toMatchObject({ code, signal, stderr: "" });
    const shell = 'node "$@"; echo "code $?"';
    const { stdout } = await new Command("bash", ["-c", shell, "bash", CLI, "run", ...place, ...words], {}).ended;
    expect(stdout).toBe(`code ${code}\n`);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
  ] as const)("128 + n, as a zk-lock that waits dies of the signal it gets: %s", async (signal, code) => {
    const holder = start(["run", ...place, "waited-for", "--", "sh", "-c", "echo held; exec sleep 60"]);
    await holder.says("held");
    const waiter = start(["run", ...place, "-v", "waited-for", "--", "echo", "never"]);
    await waiter.says("1 ahead");
    waiter.signal(signal);
    expect(await waiter.ended).toMatchObject({ code, signal, stdout: "" });
    holder.signal("SIGTERM");
    expect(await holder.ended).toMatchObject({ code: 143, signal: "SIGTERM" });
  });

  test("that of a signal without a core file of our own, which could replace the command's", async () => {
    const cwd = join(directory, "cores");
    mkdirSync(cwd);
    const words = [CLI, "run", ...place, "a", "--", "sh", "-c", "ulimit -c 0; kill -s QUIT $$"];
    const shell = 'ulimit -c "$(ulimit -H -c)"; exec node "$@"';
    const { code } = await new Command("bash", ["-c", shell, "bash", ...words], { cwd }).ended;
    expect({ code, files: readdirSync(cwd) }).toEqual({ code: 131, files: [] });
  });

  test("1 where somebody else has the lock: at once with --wait 0, later with more", async () => {
    const holder = start(["run", ...place, "-i", "nightly", "busy", "--", "sh", "-c", "echo held; exec sleep 60"]);
    await holder.says("held");
    const now = await run("-w", "0", "busy", "echo", "never");
    expect(now).toMatchObject({ code: 1, stdout: "" });
    expect(now.stderr).toMatch(/^zk-lock: "busy" is held by nightly \(.+, pid \d+\)\.\n$/);
    const before = performance.now();
    const later = await run("--wait", ".7", "busy", "echo", "never");
    expect(performance.now() - before).toBeGreaterThan(700);
    expect(later).toMatchObject({ code: 1, stdout: "" });
    expect(later.stderr).toMatch(/within 0\.7 s: held by nightly .*1 ahead of us/);
    holder.signal("SIGTERM");
    await holder.ended;
  });

  test("1 where no server answers, within the time that --wait gives", async () => {
    const nobody = `127.0.0.1:${await freePort()}`;
    const before = performance.now();
    const away = await zkLock(["run", "-z", nobody, "-w", "0", "a", "echo", "never"]);
    expect(performance.now() - before).toBeLessThan(6_000);
    expect(away).toMatchObject({ code: 1, stdout: "" });
    expect(away.stderr).toContain(`No ZooKeeper answered at ${nobody}`);
    expect(away.stderr.split("\n")).toHaveLength(2);
  });

  test("what -E says, where the lock is not to be had, and 1 with the other option alone", async () => {
    const holder = start(["run", ...place, "conflict", "--", "sh", "-c", "echo held; exec sleep 60"]);
    await holder.says("held");
    const busy = ["-w", "0", "conflict", "echo", "never"];
    expect((await run("-E", "75", ...busy)).code).toBe(75);
    expect((await run("--conflict-exit-code", "0", "--unreachable-exit-code", "69", ...busy)).code).toBe(0);
    expect((await run("--unreachable-exit-code", "69", ...busy)).code).toBe(1);
    expect((await run("-E", "75", "another", "sh", "-c", "exit 1")).code).toBe(1);
    holder.signal("SIGTERM");
    await holder.ended;
  });

  test("what --unreachable-exit-code says, where no server answers, and 1 with the other option alone", async () => {
    const away = ["run", "-z", `127.0.0.1:${await freePort()}`, "-w", "0"];
    expect((await zkLock([...away, "--unreachable-exit-code", "69", "a", "true"])).code).toBe(69);
    expect((await zkLock([...away, "-E", "75", "a", "true"])).code).toBe(1);
  });

  test("what --unreachable-exit-code says, where ZooKeeper goes away while we wait", async () => {
    const holder = start(["run", ...place, "gone", "--", "sh", "-c", "echo held; exec sleep 60"]);
    await holder.says("held");
    const proxy = await TcpProxy.listen(servers);
    const codes = ["-E", "75", "--unreachable-exit-code", "69"];
    const there = ["-z", proxy.connectString, "-r", root, "-t", "3", "-w", "4"];
    const waiter = start(["run", ...there, "-v", ...codes, "gone", "true"]);
    await waiter.says("1 ahead");
    await proxy.blackhole();
    const { code, stderr } = await waiter.ended;
    await proxy.dispose();
    expect(code).toBe(69);
    expect(stderr).toMatch(/ZooKeeper/);
    holder.signal("SIGTERM");
    await holder.ended;
  });

  test("2 where the lock was taken away", async () => {
    const holder = start(["run", ...place, "taken", "--", "sh", "-c", 'echo "token=$ZK_LOCK_TOKEN."; exec sleep 60']);
    await holder.says(/token=\d+\./);
    const token = /\d+/.exec(holder.stdout)?.[0] ?? "";
    expect(await zkLock(["release", ...place, "--force", "--yes", "--token", token, "taken"])).toMatchObject({
      code: 0,
    });
    const { code, stderr } = await holder.ended;
    expect(code).toBe(2);
    expect(stderr).toBe('zk-lock: "taken" is lost: it was taken away by somebody. sh was ended.\n');
  });

  test("3 where the command cannot be started", async () => {
    const missing = await run("a", "no-such-command-anywhere");
    expect(missing).toMatchObject({ code: 3 });
    expect(missing.stderr).toBe("zk-lock: no-such-command-anywhere could not be started: there is no such command.\n");
    const file = join(directory, "not-executable");
    writeFileSync(file, "");
    expect(await run("a", file)).toMatchObject({ code: 3 });
    expect(await run("--node", "a", join(directory, "no-such-module.js"))).toMatchObject({ code: 3 });
  });

  (process.platform === "linux" ? test : test.skip)("3 where the command cannot be killed", async () => {
    const child = fileURLToPath(new URL("held-by-a-debugger.py", import.meta.url));
    const words = ["sh", "-c", 'echo "token=$ZK_LOCK_TOKEN."; exec python3 "$0"', child];
    const holder = start(["run", ...place, "undying", "--", ...words]);
    await holder.says(/debugger \w+\n/);
    const [, token = ""] = /token=(\d+)\./.exec(holder.stdout) ?? [];
    const [, debuggerPid] = /debugger (\d+)/.exec(holder.stdout) ?? [];
    // Where nobody may debug there is nothing that cannot be killed.
    if (debuggerPid === undefined) return;
    try {
      await zkLock(["release", ...place, "--force", "--yes", "--token", token, "undying"]);
      const { code, stderr } = await holder.ended;
      expect(code).toBe(3);
      expect(stderr).toMatch(/^zk-lock: Process \d+ could not be killed\.$/m);
    } finally {
      process.kill(Number(debuggerPid), "SIGKILL");
    }
  });

  test("64 for a misspelt option, with the right spelling", async () => {
    const { code, stderr } = await run("--wiat", "3", "a", "true");
    expect(code).toBe(64);
    expect(stderr).toBe("zk-lock: unknown option '--wiat'\n(Did you mean --wait?)\nSee \"zk-lock run --help\".\n");
  });

  test.each([
    ["no subcommand", []],
    ["a misspelt subcommand", ["rnu", "a", "true"]],
    ["no resource", ["run"]],
    ["no command", ["run", "a"]],
    ["no command behind the dashes", ["run", "a", "--"]],
    ["seconds that are none", ["run", "-w", "soon", "a", "true"]],
    ["a session of no time", ["run", "-t", "0", "a", "true"]],
    ["an exit code that is none", ["run", "-E", "256", "a", "true"]],
    ["an exit code below zero", ["run", "--unreachable-exit-code", "-1", "a", "true"]],
    ["a limit to replace that is not said", ["run", "--replace-limit", "a", "true"]],
    ["half a holder", ["run", "-c", "0.5", "a", "true"]],
    ["read and write at once", ["run", "--read", "--write", "a", "true"]],
    ["a semaphore for reading", ["run", "--read", "-c", "2", "a", "true"]],
    ["servers that are none", ["run", "-z", "what is this", "a", "true"]],
    ["a root that is none", ["run", "-z", servers, "-r", "locks", "a", "true"]],
    ["a resource that cannot be", ["run", "-z", servers, "x".repeat(513), "true"]],
    ["a release without --force", ["release", "--token", "1", "a"]],
    ["a release without a token", ["release", "--force", "a"]],
    ["a shell that we do not know", ["completion", "fish"]],
  ])("64 for %s", async (_what, words) => {
    const { code, stderr } = await zkLock(words);
    expect(code).toBe(64);
    expect(stderr).not.toContain("    at ");
  });

  test.each([
    [["-r", "locks"], "--root is an absolute, clean path"],
    [["-i", "x".repeat(2_000)], "--id has at most 1024 bytes"],
  ])("64 in the command line's own words: %j", async (options, message) => {
    const { code, stderr } = await zkLock(["run", "-z", servers, ...options, "a", "true"]);
    expect({ code, said: stderr.includes(message) }).toEqual({ code: 64, said: true });
  });

  test("told with a stack trace only where -v asks for it", async () => {
    const words = ["no-such-command-anywhere"];
    expect((await run("a", ...words)).stderr).not.toContain("    at ");
    expect((await run("-v", "a", ...words)).stderr).toContain("    at ");
  });
});
