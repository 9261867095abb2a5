import { InvalidArgumentError } from "../errors.js";

const MAX_RESOURCE_BYTES = 512;

/** The characters of a path level that ZooKeeper refuses, or that a client would read as something else. */
// eslint-disable-next-line no-control-regex -- it is the control characters that are refused
const UNSAFE_IN_ROOT = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/;

/**
 * Throws InvalidArgumentError unless `resource` is a non-empty, well-formed string of at most 512 bytes without NUL.
 */
export function checkResource(resource: unknown): asserts resource is string {
  if (typeof resource !== "string" || resource === "") {
    throw new InvalidArgumentError("A resource name is a non-empty string.");
  }
  const bytes = Buffer.byteLength(resource);
  if (bytes > MAX_RESOURCE_BYTES) {
    throw new InvalidArgumentError(
      `A resource name has at most ${MAX_RESOURCE_BYTES} bytes of UTF-8; this one has ${bytes}.`,
    );
  }
  if (resource.includes("\0")) {
    throw new InvalidArgumentError(`A resource name has no NUL character: ${JSON.stringify(resource)}.`);
  }
  if (!isWellFormed(resource)) {
    throw new InvalidArgumentError(`A resource name has no unpaired surrogate: ${JSON.stringify(resource)}.`);
  }
}

/**
 * What stands behind the addresses of servers. "/a,b:2181/c" is not one: the chroot is written once, and not behind
 * each server.
 * @throws InvalidArgumentError
 */
export function checkChroot(chroot: string): void {
  if (!isClean(chroot) || UNSAFE_IN_ROOT.test(chroot)) {
    throw new InvalidArgumentError(`A chroot is a clean path, such as "/team/app": ${JSON.stringify(chroot)} is not.`);
  }
  if (chroot.includes(",")) {
    throw new InvalidArgumentError(
      `The chroot is written once, behind the last server: "host:port,host:port/chroot". ` +
        `${JSON.stringify(chroot)} goes on behind it.`,
    );
  }
}

/** Throws InvalidArgumentError unless `rootDir` is an absolute path of clean levels: "/locks", "/team/locks". */
export function checkRootDir(rootDir: unknown): asserts rootDir is string {
  const clean = typeof rootDir === "string" && isClean(rootDir);
  if (!clean || UNSAFE_IN_ROOT.test(rootDir) || /^\/zookeeper(\/|$)/.test(rootDir)) {
    throw new InvalidArgumentError(
      `rootDir is an absolute, clean path outside /zookeeper, such as "/locks": ${JSON.stringify(rootDir)} is not.`,
    );
  }
}

/**
 * The directory of a resource: one level below the root, whatever the name holds. Percent-encoding keeps plain names as
 * they are (so that another recipe finds them) and gives each name a directory of its own.
 */
export function directoryOf(rootDir: string, resource: string): string {
  const level = /^\.{1,2}$/.test(resource) ? resource.replaceAll(".", "%2E") : encodeURIComponent(resource);
  return `${rootDir}/${level}`;
}

/** The resource whose directory has this name, or null where no resource of ours has it. */
export function resourceOf(level: string): string | null {
  try {
    const resource = decodeURIComponent(level);
    return directoryOf("", resource) === `/${level}` ? resource : null;
  } catch {
    return null;
  }
}

/** Every level of a path, the outermost first: "/a/b" gives "/a" and "/a/b". */
export function levelsOf(path: string): string[] {
  const names = path.slice(1).split("/");
  return names.map((_, depth) => `/${names.slice(0, depth + 1).join("/")}`);
}

/** An absolute path of levels that are none of "", "." and "..". */
function isClean(path: string): boolean {
  const levels = path.split("/").slice(1);
  return path.startsWith("/") && levels.every((level) => level !== "" && level !== "." && level !== "..");
}

/** String.prototype.isWellFormed, which the ES2023 types do not know yet. */
function isWellFormed(text: string): boolean {
  return Buffer.from(text).toString() === text;
}
