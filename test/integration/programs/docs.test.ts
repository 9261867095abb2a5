import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { canStartServers, startServer, type ZooKeeperServer } from "../../helpers/zookeeper-server.js";

/** Compiles every ts block of these pages as a module of its own, runs it, and compares what it prints with its `// →`. */
const PAGES = ["guide", "observing"];
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const run = promisify(execFile);

const examples = PAGES.flatMap((page) => {
  let heading = page;
  let count = 0;
  const found: { title: string; file: string; code: string }[] = [];
  for (const [, title, code] of readFileSync(join(ROOT, `docs/${page}.md`), "utf8").matchAll(
    /^#+ (.*)$|^```ts\n([\s\S]*?)^```$/gm,
  )) {
    if (title !== undefined) heading = title;
    if (code !== undefined) found.push({ title: `${page}: ${heading}`, file: `${page}-${(count += 1)}.ts`, code });
  }
  return found;
});

const directory = mkdtempSync(join(tmpdir(), "zk-lock-guide-"));

/** They lock where users do: so the server is theirs. */
let server: ZooKeeperServer | undefined;
beforeAll(async () => {
  if (canStartServers()) server = await startServer();
  symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }');
  const paths = { "zk-lock-manager": [join(ROOT, "src/index.ts")] };
  const compilerOptions = {
    noPropertyAccessFromIndexSignature: false,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
    // What Node runs as it is written: `await using` is not yet.
    target: "ES2022",
    paths,
  };
  const tsconfig = { extends: join(ROOT, "tsconfig.json"), compilerOptions, include: ["*.ts"] };
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(tsconfig));
  for (const { file, code } of examples) writeFileSync(join(directory, file), code);
});
afterAll(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true });
});

describe("the examples of the guide", () => {
  test("are there", () => {
    expect(examples.length).toBeGreaterThanOrEqual(12);
  });

  test("compile against the sources", async () => {
    const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
    const outcome = await run(process.execPath, [compiler, "-p", directory]).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect(outcome.stdout).toBe("");
  }, 60_000);

  (canStartServers() ? test : test.skip).each(examples.map(({ title, file, code }) => [title, file, code] as const))(
    "print what they say: %s (%s)",
    async (_, file, code) => {
      const promised = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line);
      const { stdout } = await run(process.execPath, ["--import", "tsx", join(directory, file)], {
        cwd: directory,
        env: { ...process.env, ZK_LOCK_SERVERS: server?.connectString },
      });
      expect(promised.length).toBeGreaterThan(0);
      expect(stdout.trimEnd().split("\n")).toEqual(promised);
    },
  );
});
