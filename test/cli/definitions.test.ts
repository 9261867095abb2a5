import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { manPage } from "../../src/cli/manual/man-page.js";
import { program } from "../../src/cli/program.js";
import { completionFor } from "../../src/cli/manual/completion.js";
import { zkLock } from "./command.js";

const names = program().commands.map((command) => command.name());

describe("the help", () => {
  test.each([[], ...names.map((name) => [name])])("fits a screen of 80 by 24: %s", async (...words) => {
    const { code, stdout } = await zkLock([...words, "--help"]);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    // One line is left for the prompt.
    expect(lines.length).toBeLessThanOrEqual(23);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("names each option of the contract, with its environment variable", async () => {
    const { stdout } = await zkLock(["help", "run"]);
    const rows = [
      ["-z, --zookeeper", "ZK_LOCK_SERVERS"],
      ["-k, --key", "ZK_LOCK_KEY"],
      ["-i, --id", "ZK_LOCK_ID"],
      ["-r, --root", "ZK_LOCK_ROOT"],
      ["-t, --ttl", "ZK_LOCK_TTL"],
      ["-w, --wait", "ZK_LOCK_WAIT"],
      ["-n, --node", ""],
      ["-c, --max-holders", ""],
      ["-v, --verbose", ""],
    ];
    for (const [flags = "", variable = ""] of rows) {
      const line = stdout.split("\n").find((text) => text.includes(flags));
      expect(line).toContain(variable);
    }
  });

  test("comes with a version, which is the package's", async () => {
    const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
    const { version } = JSON.parse(manifest) as { version: string };
    expect(await zkLock(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });
});

describe("the manual page", () => {
  test("is current: if not, run node scripts/man-page.mjs after a build", () => {
    expect(readFileSync(new URL("../../docs/man/zk-lock.1", import.meta.url), "utf8")).toBe(manPage());
  });
});

describe("the completion", () => {
  function complete(...words: string[]): string[] {
    const script = `${completionFor("bash", program())}
COMP_WORDS=(zk-lock ${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length}
_zk_lock
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", script], { encoding: "utf8" });
    expect(stderr).toBe("");
    return stdout.trim().split("\n");
  }

  test("of bash knows subcommands, options, and the commands to run", () => {
    expect(complete("")).toEqual(expect.arrayContaining(names));
    expect(complete("wa")).toEqual(["watch"]);
    expect(complete("run", "--w")).toEqual(["--wait", "--write"]);
    expect(complete("completion", "")).toEqual(["bash", "zsh"]);
    expect(complete("run", "resource", "ec")).toContain("echo");
  });

  (spawnSync("zsh", ["--version"]).status === 0 ? test : test.skip)("of zsh is a script that zsh can read", () => {
    const { status, stderr } = spawnSync("zsh", ["-n"], { input: completionFor("zsh", program()), encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  test.each(["bash", "zsh"] as const)("of %s is printed by the command", async (shell) => {
    expect(await zkLock(["completion", shell])).toMatchObject({ code: 0, stdout: completionFor(shell, program()) });
  });
});
