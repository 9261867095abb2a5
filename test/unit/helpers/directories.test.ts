import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { directoryFor } from "../../helpers/directory-for.js";

const NOBODY = { uid: 65_534, gid: 65_534 };
const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function keep(directory: string): string {
  made.push(directory);
  return directory;
}

test("a directory of our own lies in TMPDIR", () => {
  const temporary = keep(mkdtempSync(join(tmpdir(), "zk-lock-harness-")));
  expect(dirname(directoryFor({}, "own-", temporary))).toBe(temporary);
});

/** Only root starts processes of other users. */
(process.getuid?.() === 0 ? describe : describe.skip)("a directory of another user", () => {
  test.each([
    ["private", 0o700],
    ["open", 0o711],
  ])("is the user's to write in where TMPDIR is %s", (_what, mode) => {
    const temporary = keep(mkdtempSync("/tmp/zk-lock-harness-"));
    chmodSync(temporary, mode);
    const directory = keep(directoryFor(NOBODY, "other-", temporary));
    const written = spawnSync("touch", [join(directory, "file")], { ...NOBODY, cwd: "/" });
    expect(written.stderr.toString()).toBe("");
    expect(dirname(directory) === temporary).toBe(mode === 0o711);
    expect(statSync(temporary).mode & 0o777).toBe(mode);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });
});
