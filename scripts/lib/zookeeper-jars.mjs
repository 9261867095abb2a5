import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { StepError } from "./progress.mjs";

/** Debian's and Ubuntu's place for Java libraries. */
const DEBIAN = "/usr/share/java";
const HOMEBREW = ["/opt/homebrew/opt/zookeeper/libexec", "/usr/local/opt/zookeeper/libexec"];

/** Container nodes came with 3.5.1, and four-letter words over a white list with 3.5.3. */
const OLDEST = [3, 5, 3];

/**
 * The class path of a ZooKeeper server: that of ZOOKEEPER_HOME (an unpacked release), of the distribution's package, or of
 * Homebrew. undefined: there is none. A ZOOKEEPER_HOME that holds no ZooKeeper, or one that is too old, is an error.
 * @returns {string[] | undefined}
 */
export function findZooKeeperJars() {
  const home = process.env.ZOOKEEPER_HOME;
  if (home) {
    const jars = inHome(home);
    if (!jars)
      throw new StepError(`ZOOKEEPER_HOME=${home} holds no zookeeper-<version>.jar, neither in lib/ nor at its top.`);
    return jars;
  }
  return inDebian() ?? HOMEBREW.map(inHome).find((jars) => jars !== undefined);
}

function inDebian() {
  if (!existsSync(join(DEBIAN, "zookeeper.jar")) || !existsSync(join(DEBIAN, "slf4j-simple.jar"))) return undefined;
  // The jar's manifest names the others. The versioned name beside it is the one place that says which version it is.
  refuseOld(DEBIAN);
  return [join(DEBIAN, "zookeeper.jar"), join(DEBIAN, "slf4j-simple.jar")];
}

function inHome(home) {
  // Releases have everything in lib/; before 3.5 the main jar lay at the top.
  const directory = [join(home, "lib"), home].find((candidate) => versionIn(candidate) !== undefined);
  if (!directory) return undefined;
  refuseOld(directory);
  return [...new Set([join(home, "lib", "*"), join(directory, "*")])];
}

function versionIn(directory) {
  if (!existsSync(directory)) return undefined;
  for (const name of readdirSync(directory)) {
    const version = /^zookeeper-(\d+)\.(\d+)\.(\d+).*\.jar$/.exec(name);
    if (version) return version.slice(1).map(Number);
  }
  return undefined;
}

function refuseOld(directory) {
  const version = versionIn(directory);
  if (!version) return;
  const differs = version.findIndex((number, place) => number !== OLDEST[place]);
  if (differs === -1 || version[differs] > OLDEST[differs]) return;
  throw new StepError(
    `The ZooKeeper in ${directory} is ${version.join(".")}, and ${OLDEST.join(".")} or later is needed (container nodes). ` +
      "Unpack a newer release and set ZOOKEEPER_HOME to its folder.",
  );
}
