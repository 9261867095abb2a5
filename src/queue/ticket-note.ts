import { hostname } from "node:os";
import { parseObject } from "../common/json-object.js";
import type { Identity } from "../errors.js";
import type { LookPort } from "../engine/queue-port.js";
import { RELEASE_REQUESTED_AT } from "../engine/ticket.js";

/** Longer than ours can be; a ticket of somebody else's recipe holds what it likes. */
const MAX_BYTES = 4096;
/** Beside the identity's own entries. */
const GRANTED_AT = "grantedAt";
/** Of a permit: how many may hold, as far as its owner is concerned. */
const LIMIT = "permitLimit";
/** Of a write ticket that was given back, and keeps the place of a reader of its owner's. */
const KEPT_SINCE = "keptSince";
const NOTES: readonly string[] = [GRANTED_AT, RELEASE_REQUESTED_AT, LIMIT, KEPT_SINCE];

export function defaultIdentity(): Identity {
  return { host: hostname(), pid: process.pid };
}

export function writeIdentity(identity: Identity): Buffer {
  return Buffer.from(JSON.stringify(identity));
}

/** What a ticket says of its owner; undefined for one that says nothing we understand. Shown to people, never decided upon. */
export function readIdentity(data: Buffer): Identity | undefined {
  const entries = Object.entries(parse(data) ?? {}).filter(([key]) => !NOTES.includes(key));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** The text of a permit's ticket: those behind it in line see which turn it waits for. */
export function writeLimit(identity: Buffer, limit: number): Buffer {
  return Buffer.from(JSON.stringify({ ...parse(identity), [LIMIT]: limit }));
}

/** The limit that a permit's owner goes by, where it says so. */
export function readLimit(data: Buffer | undefined): number | undefined {
  const limit = data && parse(data)?.[LIMIT];
  return typeof limit === "number" ? limit : undefined;
}

/** The ticket's text with the wish that its owner gives it back. */
export function writeReleaseRequest(data: Buffer, at: Date): Buffer {
  return withNote(data, RELEASE_REQUESTED_AT, at);
}

export function isReleaseRequested(data: Buffer): boolean {
  return parse(data)?.[RELEASE_REQUESTED_AT] !== undefined;
}

function parse(data: Buffer): Identity | undefined {
  if (data.length === 0 || data.length > MAX_BYTES) return undefined;
  const written = parseObject(data.toString());
  if (written === undefined) return undefined;
  const plain = Object.entries(written).filter(([, value]) => typeof value === "string" || Number.isFinite(value));
  return Object.fromEntries(plain) as Identity;
}

/** The ticket's text once its owner holds: since when, by the owner's wall clock. */
export function writeGrant(data: Buffer, since: Date): Buffer {
  return withNote(data, GRANTED_AT, since);
}

/** The text of a write ticket that its owner has given back, but that keeps the place of a reader of the same owner. */
export function writeKept(data: Buffer, since: Date): Buffer {
  return withNote(data, KEPT_SINCE, since);
}

export function isKept(data: Buffer | undefined): boolean {
  return data !== undefined && parse(data)?.[KEPT_SINCE] !== undefined;
}

/** What stands there stays. */
function withNote(data: Buffer, note: string, at: Date): Buffer {
  return Buffer.from(JSON.stringify({ ...parse(data), [note]: at.getTime() }));
}

/** Since when the ticket's owner holds, where it says so. */
export function readGrant(data: Buffer): Date | undefined {
  const at = parse(data)?.[GRANTED_AT];
  const since = new Date(typeof at === "number" ? at : NaN);
  // A number too large to be a time makes a date that throws when it is written down.
  return Number.isNaN(since.getTime()) ? undefined : since;
}

/**
 * Writes a note on a ticket, besides what stands there, whoever else writes there at the same time. False: the ticket is gone. To be
 * called again after a lost reply: a note that stands already is not written twice.
 * @throws as LookPort
 */
export async function addNote(port: LookPort, ref: string, add: (data: Buffer) => Buffer): Promise<boolean> {
  for (;;) {
    const content = await port.read(ref);
    if (content === null) return false;
    const written = add(content.data);
    if (written.equals(content.data) || (await port.write(ref, written, content.version))) return true;
  }
}
