import { hostname } from "node:os";
import type { Identity } from "./errors.js";

/** Longer than ours can be; a ticket of somebody else's recipe holds what it likes. */
const MAX_BYTES = 4096;

export function defaultIdentity(): Identity {
  return { host: hostname(), pid: process.pid };
}

export function writeIdentity(identity: Identity): Buffer {
  return Buffer.from(JSON.stringify(identity));
}

/** What a ticket says of its owner; undefined for one that says nothing we understand. Shown to people, never decided upon. */
export function readIdentity(data: Buffer): Identity | undefined {
  if (data.length === 0 || data.length > MAX_BYTES) return undefined;
  try {
    const written: unknown = JSON.parse(data.toString());
    if (typeof written !== "object" || written === null || Array.isArray(written)) return undefined;
    const plain = Object.entries(written).filter(([, value]) => typeof value === "string" || typeof value === "number");
    return Object.fromEntries(plain);
  } catch {
    return undefined;
  }
}
