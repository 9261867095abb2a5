import { createHash } from "node:crypto";
import type { Acl } from "../../zookeeper/client/client.js";
import { Perm } from "../protocol/codes.js";

/** Who a connection has proved to be. */
export interface Credential {
  readonly scheme: string;
  readonly id: string;
}

/** The server's rule: an entry that grants one of the permissions to everybody, or to one of these credentials. */
export function allows(acl: readonly Acl[], permissions: number, credentials: readonly Credential[]): boolean {
  return acl.some(({ perms, scheme, auth }) => {
    if ((perms & permissions) === 0) return false;
    if (scheme === "world" && auth === "anyone") return true;
    return credentials.some((credential) => credential.scheme === scheme && credential.id === auth);
  });
}

/** What `add_auth("digest", "user:password")` proves; null for a scheme that the server does not know. */
export function credentialOf(scheme: string, secret: string): Credential | null {
  if (scheme !== "digest") return null;
  const user = secret.split(":", 1)[0] ?? "";
  return { scheme, id: `${user}:${createHash("sha1").update(secret).digest("base64")}` };
}

/** The ACL as the server stores it, `auth` entries replaced by who asks; null where it would answer "invalid acl". */
export function storedAcl(acl: readonly Acl[], credentials: readonly Credential[]): readonly Acl[] | null {
  const stored: Acl[] = [];
  for (const { perms, scheme, auth } of acl) {
    if (scheme === "auth") {
      if (credentials.length === 0) return null;
      for (const credential of credentials) stored.push({ perms, scheme: credential.scheme, auth: credential.id });
    } else if (isValidEntry(scheme, auth)) {
      stored.push({ perms, scheme, auth });
    } else {
      return null;
    }
  }
  return stored.length === 0 ? null : unique(stored);
}

/** The ACL as the server shows it: whoever may not change it does not see the digests. */
export function shownAcl(acl: readonly Acl[], credentials: readonly Credential[]): readonly Acl[] {
  if (allows(acl, Perm.admin, credentials)) return acl;
  return acl.map((entry) =>
    entry.scheme === "digest" ? { ...entry, auth: `${entry.auth.split(":", 1)[0] ?? ""}:x` } : entry,
  );
}

function isValidEntry(scheme: string, auth: string): boolean {
  return scheme === "world" ? auth === "anyone" : scheme === "digest" && auth.split(":").length === 2;
}

function unique(acl: readonly Acl[]): readonly Acl[] {
  const seen = new Map(acl.map((entry) => [JSON.stringify([entry.perms, entry.scheme, entry.auth]), entry]));
  return [...seen.values()];
}
