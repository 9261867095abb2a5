import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { commandLine, isStopped } from "../../scripts/lib/process-table.mjs";
import { until } from "../helpers/until.js";
import { CLI, Command, zkLock } from "./command.js";
import { useFixture } from "./fixture.js";

/** What zk-lock was not allowed to end. It holds the output of its zk-lock, which is therefore waited for after it. */
const left: number[] = [];
afterEach(async () => {
  for (const pid of left.splice(0)) {
    if (commandLine(pid) !== "") process.kill(pid, "SIGKILL");
    await until(() => commandLine(pid) === "", { what: "the other user's process to end" });
  }
});

const NOBODY = "65534";
/** Without the right to signal other users' processes, as anybody but root. */
const UNPRIVILEGED = ["setpriv", "--bounding-set", "-kill"];
const AS_NOBODY = ["setpriv", "--reuid", NOBODY];
/** Only root can become somebody else without a password. */
const canChangeUser = spawnSync("setpriv", ["--bounding-set", "-kill", ...AS_NOBODY, "true"]).status === 0;

const nothing = (): Promise<void> => Promise.resolve();
const { place, directory } = useFixture("other-user", nothing, canChangeUser ? { uid: Number(NOBODY) } : {});

/** `zk-lock run` as somebody who may not signal what `sudo` and the like start; they start this. */
function startUnprivileged(words: readonly string[], child: readonly string[], input?: string): Command {
  const [program = "", ...args] = [...UNPRIVILEGED, process.execPath, CLI, "run", ...place, ...words, ...child];
  return new Command(program, args, input === undefined ? {} : { input });
}

/** A command of another user, which goes on until its file says so. */
function patient(file: string): readonly string[] {
  writeFileSync(file, "");
  const script = `trap 'echo got a signal' INT TERM HUP WINCH USR1; echo "pid $$."; until [ -s "${file}" ]; do sleep 0.02; done; exit 7`;
  return [...AS_NOBODY, "sh", "-c", script];
}

async function pidOf(command: Command): Promise<number> {
  await command.says(/pid \d+\./);
  const pid = Number(/pid (\d+)\./.exec(command.stdout)?.[1]);
  left.push(pid);
  return pid;
}

(canChangeUser ? describe : describe.skip)("a command that runs as another user, as with sudo,", () => {
  test("outlives our signals; each is a line on stderr, and the lock is kept until it ends", async () => {
    const file = join(directory, "signals");
    const held = startUnprivileged(["signals"], patient(file));
    const pid = await pidOf(held);
    for (const signal of ["SIGWINCH", "SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGTSTP", "SIGCONT"] as const) {
      held.signal(signal);
      await held.says(
        `zk-lock: ${signal} could not be passed on: that is not allowed for process ${pid}. The lock is kept until it ends.\n`,
      );
    }
    // A window that is drawn larger and larger says no more than one that was resized once.
    held.signal("SIGWINCH");
    expect((await zkLock(["run", ...place, "-w", "0", "signals", "true"])).code).toBe(1);
    expect(isStopped(held.pid)).toBe(false);
    writeFileSync(file, "end");
    const { code, stdout, stderr } = await held.ended;
    expect({ code, stdout }).toEqual({ code: 7, stdout: `pid ${pid}.\n` });
    expect(stderr.split("\n")).toHaveLength(8);
  });

  test("is not outrun by a Ctrl-Z, where only a part of the command is another user's", async () => {
    const file = join(directory, "part");
    const [program = "", ...args] = patient(file);
    const held = startUnprivileged(["part"], ["sh", "-c", '"$@"; exit $?', "sh", program, ...args]);
    await pidOf(held);
    held.signal("SIGTSTP");
    await held.says("SIGTSTP could not be passed on");
    expect(isStopped(held.pid)).toBe(false);
    writeFileSync(file, "end");
    expect((await held.ended).code).toBe(7);
  });

  test("outlives the loss of the lock: 3, and why", async () => {
    const held = startUnprivileged(["-t", "2", "lost"], patient(join(directory, "lost")));
    const pid = await pidOf(held);
    const shown = JSON.parse((await zkLock(["show", ...place, "--json", "lost"])).stdout) as {
      holders: { token: number }[];
    };
    const token = String(shown.holders[0]?.token);
    await zkLock(["release", ...place, "--force", "--yes", "--token", token, "lost"]);
    await until(() => commandLine(held.pid) === "", { what: "zk-lock to end" });
    expect(commandLine(pid)).not.toBe("");
    process.kill(pid, "SIGKILL");
    const stderr = `zk-lock: Process ${pid} could not be killed: that is not allowed.\n`;
    expect(await held.ended).toMatchObject({ code: 3, stderr });
  });

  test("keeps the lock although it answers no ping, as a Node module that has changed its user", async () => {
    const file = join(directory, "silent");
    const module = join(directory, "silent.cjs");
    writeFileSync(file, "");
    writeFileSync(
      module,
      `process.setuid(${NOBODY});
       process.on("message", () => {});
       console.log("pid " + process.pid + ".");
       setInterval(() => { if (require("node:fs").readFileSync(${JSON.stringify(file)}).length > 0) process.exit(7); }, 20);`,
    );
    const held = startUnprivileged(["-t", "2", "--node", "silent"], [module]);
    const pid = await pidOf(held);
    await held.says(
      `silent.cjs did not answer a ping within 2 s. Process ${pid} could not be killed: that is not allowed. The lock is kept until it ends.\n`,
    );
    expect((await zkLock(["run", ...place, "-w", "0", "silent", "true"])).code).toBe(1);
    writeFileSync(file, "end");
    expect((await held.ended).code).toBe(3);
    expect(readFileSync(file, "utf8")).toBe("end");
  });
});
