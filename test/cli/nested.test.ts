import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { until } from "../helpers/until.js";
import { CLI, start, zkLock } from "./command.js";
import { useFixture } from "./fixture.js";

const { place, servers, root, directory } = useFixture("nested");
/** The words of a zk-lock inside another one's command. */
const inner = (...words: string[]) => [process.execPath, CLI, "run", ...place, ...words];

describe("a zk-lock under its own lock", () => {
  test("says at once that it would wait for ever, with whose pid and token, and has the code of a conflict", async () => {
    const outer = start([
      "run",
      ...place,
      "own",
      "sh",
      "-c",
      'echo "token $ZK_LOCK_TOKEN."; "$@"',
      "sh",
      ...inner("own", "true"),
    ]);
    const { code, stdout, stderr } = await outer.ended;
    const token = /token (\d+)\./.exec(stdout)?.[1];
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `zk-lock: "own" is held by the zk-lock that we run under (pid ${outer.pid}, token ${token}): it waits for its command to end, so we would wait for ever.\n`,
    });
  });

  test("says so too through a lock in between, by another name of the server, whatever the time to wait", async () => {
    const elsewhere = [process.execPath, CLI, "run", "-z", servers.replace("127.0.0.1", "localhost"), "-r", root];
    const words = ["outer", ...inner("middle", ...elsewhere, "-w", "60", "-E", "75", "outer", "true")];
    const { code, stderr } = await zkLock(["run", ...place, ...words]);
    expect(code).toBe(75);
    expect(stderr).toContain('"outer" is held by the zk-lock that we run under');
  });

  test("says so where all permits are its ancestors', and takes one that is free", async () => {
    const twice = inner("-c", "2", "permits", ...inner("-c", "2", "permits", "echo", "third"));
    expect(await zkLock(["run", ...place, "-c", "2", "permits", "echo", "one"])).toMatchObject({ code: 0 });
    expect(
      await zkLock(["run", ...place, "-c", "2", "permits", ...inner("-c", "2", "permits", "echo", "second")]),
    ).toMatchObject({ code: 0, stdout: "second\n" });
    const third = await zkLock(["run", ...place, "-c", "2", "permits", ...twice]);
    expect(third).toMatchObject({ code: 1, stdout: "" });
    expect(third.stderr).toContain("so we would wait for ever");
  });

  test("reads along with an ancestor that reads, unless a writer waits for that one", async () => {
    expect(await zkLock(["run", ...place, "--read", "rw", ...inner("--read", "rw", "echo", "both")])).toMatchObject({
      code: 0,
      stdout: "both\n",
    });
    const go = join(directory, "read");
    const script = `echo held; until [ -e "${go}" ]; do sleep 0.02; done; "$@"`;
    const reader = start(["run", ...place, "--read", "rw", "sh", "-c", script, "sh", ...inner("--read", "rw", "true")]);
    await reader.says("held");
    const writer = start(["run", ...place, "-v", "--write", "rw", "echo", "written"]);
    await writer.says("1 ahead");
    writeFileSync(go, "");
    const { code, stderr } = await reader.ended;
    expect({ code, told: stderr.includes("so we would wait for ever") }).toEqual({ code: 1, told: true });
    expect(await writer.ended).toMatchObject({ code: 0, stdout: "written\n" });
  });

  test("waits for others, when it was left behind by an ancestor that has given the lock back", async () => {
    const [go, output] = ["go", "output"].map((name) => join(directory, name));
    const script = `( until [ -e "${go}" ]; do sleep 0.02; done; "$@" ) > "${output}" 2>&1 &`;
    await zkLock(["run", ...place, "left", "sh", "-c", script, "sh", ...inner("-v", "left", "echo", "mine")]);
    const other = start(["run", ...place, "left", "sh", "-c", "echo held; exec sleep 60"]);
    await other.says("held");
    writeFileSync(go ?? "", "");
    const written = () => readFileSync(output ?? "", "utf8");
    await until(() => written().includes("1 ahead"), { what: "the one left behind to queue" });
    other.signal("SIGTERM");
    await other.ended;
    await until(() => written().includes("given back"), { what: "the one left behind to end" });
    expect(written()).toContain("\nmine\n");
  });

  test("takes a ZK_LOCK_HELD that is none for none", async () => {
    for (const held of ["nonsense", "{}", "[1,null,{}]"]) {
      const env = { ZK_LOCK_HELD: held };
      expect(await zkLock(["run", ...place, "odd", "echo", "mine"], { env })).toMatchObject({
        code: 0,
        stdout: "mine\n",
      });
    }
  });
});
