import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inProject, npm, root } from "./project.mjs";
import { run } from "./run.mjs";

const LOCK = inProject("package-lock.json");
/** npm's own record of what it installed, written last. */
const INSTALLED = inProject("node_modules", ".package-lock.json");
const STAMP = inProject("node_modules", ".cache", "zk-lock-manager", "packages");

/**
 * Whether node_modules is what package-lock.json asks for. The stamp holds the lock file's content and Node's binary
 * interface, since the compiled packages fit one of those only; without a stamp (somebody ran npm by hand) the times decide.
 */
export function packagesAreInPlace() {
  if (!existsSync(INSTALLED)) return false;
  if (existsSync(STAMP)) return readFileSync(STAMP, "utf8") === wanted();
  if (statSync(INSTALLED).mtimeMs < statSync(LOCK).mtimeMs) return false;
  writeStamp();
  return true;
}

export async function installPackages(onLine) {
  const [command, ...args] = npm();
  // In the foreground the compilers can be heard, which is most of the time that this takes.
  const install = [...args, "ci", "--no-fund", "--no-audit", "--foreground-scripts"];
  await run(command, install, {
    cwd: root,
    env: headers(),
    onLine: (line) => line.startsWith("npm warn") || onLine(line),
  });
  writeStamp();
}

/**
 * Where Node's C++ headers came along with Node itself, the compiling packages are pointed at them: fetching them would
 * need nodejs.org, which a machine behind a package mirror cannot reach.
 */
function headers() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, "include", "node", "node.h")) ? { npm_config_nodedir: prefix } : {};
}

function wanted() {
  const lock = createHash("sha256").update(readFileSync(LOCK)).digest("hex");
  return `${lock} ${process.platform}-${process.arch}-${process.versions.modules}\n`;
}

function writeStamp() {
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, wanted());
}
