import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { commandLine, isStopped } from "../../scripts/lib/process-table.mjs";
import { TcpProxy } from "../helpers/tcp-proxy.js";
import { until } from "../helpers/until.js";
import { start } from "./command.js";
import { useFixture } from "./fixture.js";

let proxy: TcpProxy;
const { place, root, directory, servers } = useFixture("loss", async () => {
  // Not for ever: a proxy whose connection was cut with bytes on their way can wait for its close in vain.
  await Promise.race([proxy.dispose(), sleep(2_000, undefined, { ref: false })]);
});
beforeEach(async () => {
  proxy = await TcpProxy.listen(servers);
});

/** Starts `zk-lock run` with a session of `ttl` seconds, behind the proxy. */
const behindProxy = (ttl: number, ...words: string[]) =>
  start(["run", "-z", proxy.connectString, "-r", root, "-t", String(ttl), ...words]);
/** The same with a connection of its own. */
const direct = (...words: string[]) => start(["run", ...place, "-t", "2", ...words]);

/** Notes the time every ten milliseconds, and does not care for SIGTERM. */
const stubborn = (file: string) => `
  process.on("SIGTERM", () => {});
  setInterval(() => require("node:fs").writeFileSync(${JSON.stringify(file)}, String(Date.now())), 10);`;

const TELL_TIME = ["node", "-e", "console.log(Date.now())"];
/** What the child of each test says first, so that we know its number. */
const pidOf = (text: string) => Number(/pid (\d+)\./.exec(text)?.[1]);

describe("when ZooKeeper is out of reach", () => {
  test("the child and all of its group are gone before anybody else has the lock", async () => {
    const file = join(directory, "alive");
    const script = join(directory, "stubborn.cjs");
    writeFileSync(script, stubborn(file));
    // The grandchild is what is stubborn: the child itself ends at the SIGTERM.
    const held = behindProxy(2, "partition", "--", "sh", "-c", `node "${script}" & wait`);
    await until(() => existsSync(file), { what: "the grandchild" });
    const next = direct("partition", ...TELL_TIME);
    await proxy.blackhole();
    const [{ code, stderr }, taken] = await Promise.all([held.ended, next.ended]);
    expect(code).toBe(2);
    expect(stderr).toBe('zk-lock: "partition" is lost: ZooKeeper has not answered in time. sh was ended.\n');
    expect(taken.code).toBe(0);
    expect(Number(readFileSync(file, "utf8"))).toBeLessThan(Number(taken.stdout));
  });

  (process.platform === "linux" ? test : test.skip)(
    "a shell's jobs are gone too, which have groups of their own",
    async () => {
      const file = join(directory, "job");
      const script = join(directory, "job.cjs");
      writeFileSync(script, stubborn(file));
      const held = behindProxy(2, "jobs", "--", "bash", "-c", `set -m; node "${script}" & wait`);
      await until(() => existsSync(file), { what: "the job" });
      const next = direct("jobs", ...TELL_TIME);
      await proxy.blackhole();
      const [{ code }, taken] = await Promise.all([held.ended, next.ended]);
      expect({ code, next: taken.code }).toEqual({ code: 2, next: 0 });
      expect(Number(readFileSync(file, "utf8"))).toBeLessThan(Number(taken.stdout));
    },
  );

  test("a process that has made a session of its own stays out of reach", async () => {
    const away = `setsid sh -c 'echo "pid $$."; exec sleep 60' > "${join(directory, "away")}" 2>&1 < /dev/null & wait`;
    const held = behindProxy(2, "away", "sh", "-c", away);
    const pid = await until(() => pidOf(readFileSync(join(directory, "away"), "utf8")), { what: "its number" });
    await proxy.blackhole();
    expect((await held.ended).code).toBe(2);
    expect(commandLine(pid)).toContain("sleep");
    process.kill(pid, "SIGKILL");
    await until(() => commandLine(pid) === "", { what: "it to end" });
  });

  test("the child is asked to end before it is killed", async () => {
    // A grace of 0.4 s; the shell acts upon the signal at once while it waits.
    const child = "trap 'echo goodbye; exit 0' TERM; echo ready; sleep 60 & wait";
    const held = behindProxy(6, "polite", "sh", "-c", child);
    await held.says("ready");
    await proxy.blackhole();
    expect(await held.ended).toMatchObject({ code: 2, stdout: "ready\ngoodbye\n" });
  });

  test("for less than the lease, the child does not notice", async () => {
    const held = behindProxy(3, "short", "sh", "-c", "echo ready; sleep 1.5; echo went on");
    await held.says("ready");
    // The connection is reset, and new ones are refused for a third of the lease.
    await proxy.close();
    await proxy.cut();
    await sleep(600);
    await proxy.reopen();
    expect(await held.ended).toMatchObject({ code: 0, stdout: "ready\nwent on\n", stderr: "" });
  });

  test("a waiter queues again in its next session, and gets the lock after all", async () => {
    const holder = direct("again", "sh", "-c", "echo ready; exec sleep 60");
    await holder.says("ready");
    const waiter = behindProxy(1, "-v", "again", "echo", "at last");
    await waiter.says("1 ahead");
    await proxy.blackhole();
    await waiter.says("session is lost");
    // Past the end of the session on the server, too.
    await until(async () => (await start(["show", ...place, "again"]).ended).stdout.includes("0 waiting"), {
      what: "the waiter's ticket to go",
    });
    await proxy.resume();
    await waiter.says(/queueing again[^]*1 ahead/);
    holder.signal("SIGTERM");
    await holder.ended;
    expect(await waiter.ended).toMatchObject({ code: 0, stdout: "at last\n" });
  });
});

describe("when zk-lock itself", () => {
  test("was stopped past its session, the child is killed first of all", async () => {
    const file = join(directory, "stopped");
    const child = `trap 'echo TERM >> "${file}"' TERM; echo "pid $$."; while :; do sleep 0.01; done`;
    const held = direct("stopped", "sh", "-c", child);
    await held.says(/pid \d+\./);
    held.signal("SIGSTOP");
    await until(() => isStopped(held.pid), { what: "zk-lock to stand still" });
    expect(await direct("stopped", "echo", "mine").ended).toMatchObject({ code: 0, stdout: "mine\n" });
    // What a stopped process cannot do nobody does; this is what the fencing token is for.
    expect(commandLine(pidOf(held.stdout))).not.toBe("");
    held.signal("SIGCONT");
    expect((await held.ended).code).toBe(2);
    expect(commandLine(pidOf(held.stdout))).toBe("");
    expect(existsSync(file)).toBe(false);
  });

  (process.platform === "linux" ? test : test.skip)(
    "is stopped by Ctrl-Z, a shell's jobs are stopped too",
    async () => {
      const job = `sh -c 'echo "pid $$."; while :; do sleep 0.01; done'`;
      const held = direct("job-control", "bash", "-c", `set -m; ${job} & wait`);
      await held.says(/pid \d+\./);
      const pid = pidOf(held.stdout);
      held.signal("SIGTSTP");
      await until(() => isStopped(held.pid), { what: "zk-lock to stand still" });
      expect(isStopped(pid)).toBe(true);
      held.signal("SIGCONT");
      await until(() => !isStopped(pid), { what: "the job to go on" });
      process.kill(pid, "SIGKILL");
      await held.ended;
    },
  );

  test("was stopped for less than the lease, all goes on", async () => {
    const held = behindProxy(10, "nap", "sh", "-c", "echo ready; sleep 0.5; echo went on");
    await held.says("ready");
    held.signal("SIGSTOP");
    await until(() => isStopped(held.pid), { what: "zk-lock to stand still" });
    held.signal("SIGCONT");
    expect(await held.ended).toMatchObject({ code: 0, stdout: "ready\nwent on\n" });
  });

  test.each([
    ["group", "sh", ""],
    ...(process.platform === "linux" ? [["session, of all groups", "bash", "set -m; "] as const] : []),
  ])(
    "is killed by SIGKILL, the watchdog ends the child's %s, also one that ignores SIGTERM",
    async (_what, shell, mode) => {
      const file = join(directory, `orphan-${shell}`);
      appendFileSync(file, "");
      const script = join(directory, "orphan.cjs");
      writeFileSync(script, `console.log("pid " + process.pid + ".");${stubborn(file)}`);
      const held = direct("orphan", shell, "-c", `${mode}node "${script}" & wait`);
      await held.says(/pid \d+\./);
      const pid = pidOf(held.stdout);
      held.signal("SIGKILL");
      await held.ended;
      await until(() => commandLine(pid) === "", { what: "the orphan to be ended" });
      expect(await direct("orphan", "echo", "mine").ended).toMatchObject({ code: 0, stdout: "mine\n" });
      expect(Number(readFileSync(file, "utf8"))).toBeLessThan(Date.now());
    },
  );
});
