import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { freePort } from "../../scripts/lib/free-port.mjs";
import { start, zkLock } from "./command.js";
import { useFixture } from "./fixture.js";

const { place, directory, servers } = useFixture("exit-code");
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
  ])("128 + the number of the signal that ended the child: %s", async (signal, code) => {
    expect(await run("a", "--", "sh", "-c", `kill -s ${signal.slice(3)} $$`)).toMatchObject({ code, signal: null });
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
  ] as const)("128 + the number of the signal that ends a zk-lock that waits: %s", async (signal, code) => {
    const holder = start(["run", ...place, "waited-for", "--", "sh", "-c", "echo held; exec sleep 60"]);
    await holder.says("held");
    const waiter = start(["run", ...place, "-v", "waited-for", "--", "echo", "never"]);
    await waiter.says("1 ahead");
    waiter.signal(signal);
    expect(await waiter.ended).toMatchObject({ code, signal: null, stdout: "" });
    holder.signal("SIGTERM");
    expect(await holder.ended).toMatchObject({ code: 143 });
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

  test("told with a stack trace only where -v asks for it", async () => {
    const words = ["no-such-command-anywhere"];
    expect((await run("a", ...words)).stderr).not.toContain("    at ");
    expect((await run("-v", "a", ...words)).stderr).toContain("    at ");
  });
});
