import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { inProject, npm, root } from "./project.mjs";
import { run } from "./run.mjs";

const STAMP = inProject("node_modules", ".cache", "zk-lock-manager", "build");
const CONFIG = ["package.json", "tsconfig.json", "tsconfig.build.json"];

/** Whether dist/ was built from the sources as they are now: by their content, since a checkout changes all the times. */
export function buildIsFresh() {
  if (!existsSync(inProject("dist", "index.js")) || !existsSync(STAMP)) return false;
  return readFileSync(STAMP, "utf8") === fingerprint();
}

export async function build(onLine) {
  // Taken first: a file that is saved while the compiler runs must lead to another build.
  const sources = fingerprint();
  const [command, ...args] = npm();
  await run(command, [...args, "run", "build", "--silent"], { cwd: root, onLine });
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, sources);
}

function fingerprint() {
  const hash = createHash("sha256");
  const sources = readdirSync(inProject("src"), { recursive: true }).filter((name) => name.endsWith(".ts"));
  for (const path of [...sources.sort().map((name) => `src/${name}`), ...CONFIG]) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(inProject(path)))
      .update("\0");
  }
  return hash.digest("hex");
}
