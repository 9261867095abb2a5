import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where Homebrew keeps a Java that it does not link into the path. */
const HOMEBREW = ["/opt/homebrew/opt/openjdk/bin/java", "/usr/local/opt/openjdk/bin/java"];

/**
 * The `java` program to run: that of JAVA_HOME, of the path, or of Homebrew. undefined: there is none.
 * @returns {string | undefined}
 */
export function findJava() {
  const { JAVA_HOME, PATH = "" } = process.env;
  const candidates = [
    ...(JAVA_HOME ? [join(JAVA_HOME, "bin", "java")] : []),
    ...PATH.split(delimiter).map((directory) => join(directory, "java")),
    ...HOMEBREW,
  ];
  return candidates.find((candidate) => existsSync(candidate) && runs(candidate));
}

/** macOS has a /usr/bin/java that only says where to buy one; elsewhere a `java` that exists is a Java. */
function runs(java) {
  if (process.platform !== "darwin" || java !== "/usr/bin/java") return true;
  try {
    execFileSync(java, ["-version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
