import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { run } from "./run.mjs";

const LISTS = "/var/lib/apt/lists";

/**
 * Installs the packages without starting the servers in them. `policy-rc.d` is Debian's way to say so; one that is there
 * already is the administrator's, and stays as it is.
 */
const INSTALL = `
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' INT TERM
  printf '#!/bin/sh\\nexit 101\\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"
`;

/** How this user may run a command as root: a list of words to put before it. undefined: not without a password. */
export function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  try {
    execFileSync("sudo", ["-n", "true"], { stdio: "ignore" });
    return ["sudo", "-n"];
  } catch {
    return undefined;
  }
}

/** Whether packages can be installed here at all, by us and without a question. */
export function canInstall() {
  return existsSync("/usr/bin/apt-get") && rootPrefix() !== undefined;
}

export async function install(packages, onLine) {
  const asRoot = (...words) => {
    const [command, ...args] = [...rootPrefix(), "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", ...words];
    return run(command, args, { onLine });
  };
  const update = () => asRoot("apt-get", "update", "-o", "DPkg::Lock::Timeout=120");
  const tryInstall = () => asRoot("sh", "-c", INSTALL, "sh", ...packages);
  if (!hasLists()) {
    await update();
    return tryInstall();
  }
  try {
    return await tryInstall();
  } catch {
    // Lists that are some weeks old name files that the mirrors no longer have.
    await update();
    return tryInstall();
  }
}

/** Fresh images come without any list of packages. */
function hasLists() {
  return existsSync(LISTS) && readdirSync(LISTS).some((name) => /_Packages/.test(name));
}
