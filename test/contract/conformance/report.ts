import type { Actor } from "./actor.js";

const ZXIDS = new Set(["czxid", "mzxid", "pzxid"]);
const TIMES = new Set(["ctime", "mtime"]);

export interface ReportOptions {
  /** True: zxids as distances from the smallest. False: their order only, for other tests write to the same server. */
  exactZxids?: boolean;
}

/** What the actors of a scenario have seen, with everything taken out that may differ between two worlds. */
export function report(actors: readonly Actor[], { exactZxids = false }: ReportOptions = {}): unknown[] {
  const zxids = [...new Set(actors.flatMap(({ sights }) => zxidsIn(sights)))].sort((one, other) => one - other);
  const shownZxid = (zxid: number): number => (exactZxids ? zxid - (zxids[0] ?? 0) : zxids.indexOf(zxid));
  const sessions = [...new Set(actors.map(({ client }) => client.client_id))];
  const show = (value: unknown, key = ""): unknown => {
    if (typeof value === "number") return ZXIDS.has(key) ? `zxid ${shownZxid(value)}` : value;
    if (typeof value === "string") return showText(value, key);
    if (TIMES.has(key)) return "a time";
    if (Buffer.isBuffer(value)) return `data ${value.toString("hex")}`;
    if (Array.isArray(value))
      return value.every((item) => typeof item === "string")
        ? value.map((item) => show(item)).sort()
        : value.map((item) => show(item));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, show(item, name)]));
  };
  const showText = (text: string, key: string): string => {
    if (key === "ephemeralOwner" && text !== "0") return `session ${sessions.indexOf(text)}`;
    return actors.reduce((shown, { base }) => shown.replaceAll(base, "…"), text);
  };
  return actors.map(({ sights }, place) => [
    `actor ${place}`,
    ...sights.map((sight) => sight.map((item) => show(item))),
  ]);
}

function zxidsIn(value: unknown, key = ""): number[] {
  if (typeof value === "number") return ZXIDS.has(key) ? [value] : [];
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) return [];
  return Object.entries(value).flatMap(([name, item]) => zxidsIn(item, name));
}
