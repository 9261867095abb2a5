import { readFileSync, statSync } from "node:fs";
import type { Auth } from "../index.js";
import type { Notes } from "./terminal/notes.js";
import { Problem } from "./problem.js";

const VARIABLE = "ZK_LOCK_AUTH";
const FORM = /^digest:([^:\0\r\n]+:[^\0\r\n]*)$/;
const READ_OR_WRITTEN_BY_ANYBODY = 0o006;

/**
 * The credentials of the file, or else of the environment, from which they are taken out: what we start must not inherit them.
 * They are part of no message.
 * @throws Problem 64
 */
export function takeAuth(file: string | undefined, notes: Notes): Auth | undefined {
  const fromEnvironment = process.env[VARIABLE];
  Reflect.deleteProperty(process.env, VARIABLE);
  if (file !== undefined) return parse(read(file, notes), `What ${file} holds`);
  return fromEnvironment === undefined ? undefined : parse(fromEnvironment, `The value of ${VARIABLE}`);
}

function parse(text: string, what: string): Auth {
  const [, credentials] = FORM.exec(text) ?? [];
  if (credentials === undefined) throw new Problem(`${what} is not of the form digest:user:password.`, "usage");
  return { scheme: "digest", credentials };
}

function read(file: string, notes: Notes): string {
  try {
    const text = readFileSync(file, "utf8");
    if (process.platform !== "win32" && (statSync(file).mode & READ_OR_WRITTEN_BY_ANYBODY) !== 0) {
      notes.say(`Everybody on this machine can read or change ${file}: chmod 600 it.`);
    }
    return text.replace(/\r?\n$/, "");
  } catch (error) {
    if (FORM.test(file)) throw new Problem("--auth-file takes the name of a file, not what it holds.", "usage");
    const { message } = error as Error;
    throw new Problem(`The credentials in ${file} cannot be read: ${message}.`, "usage", { cause: error });
  }
}
