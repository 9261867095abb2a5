import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { assertBuilt, CLI, zkLock } from "./command.js";

beforeAll(assertBuilt);
const directory = mkdtempSync(join(tmpdir(), "zk-lock-loading-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const PACKAGE = dirname(dirname(dirname(realpathSync(CLI))));

/** Runs zk-lock, and resolves with the files that it loaded, as Node's own account of covered scripts names them. */
async function loadedBy(words: readonly string[]): Promise<{ code: number; files: string[] }> {
  const coverage = mkdtempSync(join(directory, "run-"));
  const { code } = await zkLock(words, { env: { NODE_V8_COVERAGE: coverage } });
  const scripts = readdirSync(coverage).flatMap((name) => {
    const report = JSON.parse(readFileSync(join(coverage, name), "utf8")) as { result: { url: string }[] };
    return report.result.map(({ url }) => url);
  });
  const files = scripts.filter((url) => url.startsWith("file:")).map((url) => relative(PACKAGE, fileURLToPath(url)));
  return { code, files };
}

const isOurs = (file: string): boolean => /^(dist\/cli|node_modules\/commander)\//.test(file.replaceAll("\\", "/"));

test.each([
  ["--help", 0, ["--help"]],
  ["the help of a subcommand", 0, ["help", "run"]],
  ["--version", 0, ["--version"]],
  ["a completion", 0, ["completion", "bash"]],
  ["no subcommand", 64, []],
  ["a misspelt option", 64, ["run", "--wiat", "3", "a", "true"]],
  ["no command", 64, ["run", "a"]],
  ["an option that lacks another", 64, ["run", "--replace-limit", "a", "true"]],
  ["a release without a token", 64, ["release", "--force", "a"]],
])("no lock is loaded for %s", async (_what, wanted, words) => {
  const { code, files } = await loadedBy(words);
  expect(code).toBe(wanted);
  expect(files).toContain(join("dist", "cli", "main.js"));
  expect(files.filter((file) => !isOurs(file))).toEqual([]);
});

test("what a lock needs is seen to be loaded by this very test", async () => {
  const { code, files } = await loadedBy(["ls", "--root", "no-absolute-path"]);
  expect(code).toBe(64);
  expect(files).toContain(join("dist", "index.js"));
});
