import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);
const { resolve } = createRequire(import.meta.url);

/** A project that has the package installed, with the types that a consumer has. */
let project: string;
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "consumer-"));
  const modules = join(project, "node_modules");
  await mkdir(join(modules, "@types"), { recursive: true });
  await symlink(ROOT, join(modules, "zk-lock-manager"));
  await symlink(dirname(resolve("@types/node/package.json")), join(modules, "@types/node"));
  await symlink(dirname(resolve("undici-types/package.json")), join(modules, "undici-types"));
  await writeFile(join(project, "package.json"), JSON.stringify({ type: "module" }));
});
afterAll(() => rm(project, { recursive: true }));

describe("the declarations", () => {
  test.each([[[]], [["node"]]])("compile in a strict project that checks them, whose types are %j", async (types) => {
    const compilerOptions = {
      ...{ target: "ES2022", lib: ["ES2022"], module: "NodeNext", moduleResolution: "NodeNext", types },
      ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true, preserveSymlinks: true },
    };
    await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["program.ts"] }));
    await writeFile(
      join(project, "program.ts"),
      `import { ZkLockManager } from "zk-lock-manager";
       import { InMemoryZooKeeper } from "zk-lock-manager/testing";
       const manager = new ZkLockManager().init(new InMemoryZooKeeper().client());
       export const token: Promise<number> = manager.createLock("r").acquire();`,
    );
    const compiled = run(process.execPath, [resolve("typescript/bin/tsc"), "-p", project]);
    const { stdout } = await compiled.catch((error: unknown) => error as { stdout: string });
    expect(stdout).toBe("");
  });
});

test("the oldest Node that engines admits is one that can require an ES module, and require works", async () => {
  const { engines, peerDependencies } = createRequire(import.meta.url)("../../package.json") as {
    engines: { node: string };
    peerDependencies: Record<string, string>;
  };
  expect(engines.node).toBe("^20.19.0 || >=22.12.0");
  expect(peerDependencies).toHaveProperty("@types/node");
  const program = `const { ZkLockManager } = require("zk-lock-manager"); console.log(typeof ZkLockManager)`;
  const { stdout } = await run(process.execPath, ["--no-warnings", "-e", program], { cwd: project });
  expect(stdout.trim()).toBe("function");
});
