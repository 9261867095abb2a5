import { hostname } from "node:os";
import type { Identity } from "./errors.js";

/** Longer than ours can be; a ticket of somebody else's recipe holds what it likes. */
const MAX_BYTES = 4096;
/** Beside the identity's own entries. */
const GRANTED_AT = "grantedAt";
const RELEASE_REQUESTED_AT = "releaseRequestedAt";
/** What Apache Curator writes on a ticket to ask for its release. */
const CURATOR_REVOKE = "__REVOKE__";

export function defaultIdentity(): Identity {
  return { host: hostname(), pid: process.pid };
}

export function writeIdentity(identity: Identity): Buffer {
  return Buffer.from(JSON.stringify(identity));
}

/** What a ticket says of its owner; undefined for one that says nothing we understand. Shown to people, never decided upon. */
export function readIdentity(data: Buffer): Identity | undefined {
  const entries = Object.entries(parse(data) ?? {}).filter(
    ([key]) => key !== GRANTED_AT && key !== RELEASE_REQUESTED_AT,
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** The ticket's text with the wish that its owner gives it back. */
export function writeReleaseRequest(data: Buffer, at: Date): Buffer {
  return Buffer.from(JSON.stringify({ ...parse(data), [RELEASE_REQUESTED_AT]: at.getTime() }));
}

export function isReleaseRequested(data: Buffer): boolean {
  return data.toString() === CURATOR_REVOKE || parse(data)?.[RELEASE_REQUESTED_AT] !== undefined;
}

function parse(data: Buffer): Identity | undefined {
  if (data.length === 0 || data.length > MAX_BYTES) return undefined;
  try {
    const written: unknown = JSON.parse(data.toString());
    if (typeof written !== "object" || written === null || Array.isArray(written)) return undefined;
    const plain = Object.entries(written).filter(([, value]) => typeof value === "string" || Number.isFinite(value));
    return Object.fromEntries(plain);
  } catch {
    return undefined;
  }
}

/** The ticket's text once its owner holds: since when, by the owner's wall clock. */
export function writeGrant(identity: Buffer, since: Date): Buffer {
  return Buffer.from(
    JSON.stringify({ ...(JSON.parse(identity.toString()) as Identity), [GRANTED_AT]: since.getTime() }),
  );
}

/** Since when the ticket's owner holds, where it says so. */
export function readGrant(data: Buffer): Date | undefined {
  const at = parse(data)?.[GRANTED_AT];
  const since = new Date(typeof at === "number" ? at : NaN);
  // A number too large to be a time makes a date that throws when it is written down.
  return Number.isNaN(since.getTime()) ? undefined : since;
}
