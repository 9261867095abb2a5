import { spawnSync } from "node:child_process";
import { chownSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A system user that a process of the tests runs as; {} is our own. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Makes a new directory that belongs to this user, in TMPDIR. Where TMPDIR is closed to the user, as root's private one is, the
 * directory is made in /tmp or /var/tmp instead: we change the mode of no directory but our own. The caller removes it.
 */
export function directoryFor(account: Account, prefix: string, temporary: string = tmpdir()): string {
  const { uid, gid } = account;
  if (uid === undefined) return mkdtempSync(join(temporary, prefix));
  const places = [temporary, "/tmp", "/var/tmp"];
  const place = places.find((directory) => mayEnter(account, directory));
  if (place === undefined) throw new Error(`User ${uid} may enter none of ${places.join(", ")}.`);
  const directory = mkdtempSync(join(place, prefix));
  chownSync(directory, uid, gid ?? 0);
  return directory;
}

/** A process of that user tries: the modes and ACLs of all directories above are the system's to judge. */
function mayEnter(account: Account, directory: string): boolean {
  return spawnSync("test", ["-x", directory], { ...account, cwd: "/" }).status === 0;
}
