import type { Identity } from "../errors.js";

/** Longer ones are cut: an identity may be of any recipe's making. */
const MAX_LENGTH = 200;

/** For messages: `night shift (host-a, pid 4711)`, or `host-a (pid 4711)`. What others wrote is shown as plain text only. */
export function describeIdentity(identity: Identity): string {
  const { name, id, host, pid, ...others } = identity;
  const entries: [label: string, value: string | number | undefined][] = [
    ["", name],
    ["", id],
    ["", host],
    ["pid ", pid],
    ...Object.entries(others).map(([key, value]): [string, string | number] => [`${key} `, value]),
  ];
  const [first, ...rest] = entries.filter(([, value]) => value !== undefined && value !== "");
  if (first === undefined) return "somebody unnamed";
  const text = first[0] + String(first[1]);
  const details = rest.map(([label, value]) => label + String(value)).join(", ");
  return plain(details === "" ? text : `${text} (${details})`);
}

function plain(text: string): string {
  const escaped = text.replaceAll(/\p{C}/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
  return escaped.length > MAX_LENGTH ? `${escaped.slice(0, MAX_LENGTH)}…` : escaped;
}
