import { inspect } from "node:util";
import type { LimitMismatchError } from "../index.js";
import { library } from "./connection.js";
import { Interruption, Problem } from "./problem.js";

/** What the library's messages call its options, and what they are on the command line. */
const OPTIONS: readonly (readonly [RegExp, string])[] = [
  [/(the )?`?\bauth\b`? option\b/g, "--auth-file"],
  [/`?\breplaceLimit\b`?/g, "--replace-limit"],
  [/`?\bmaxConcurrentHolders\b`?/g, "--max-holders"],
  [/`?\brootDir\b`?/g, "--root"],
  [/`?\bsessionTimeout\b`?/g, "--ttl"],
  [/`?\b(acquireTimeout|connectTimeout|failImmediate)\b`?/g, "--wait"],
  [/^identity\b/, "--id"],
];

/** One sentence; the whole story, with the stack and the causes, where somebody asked for it. */
export async function describeError(error: unknown, verbose: boolean): Promise<string> {
  const sentence = await inOurWords(error);
  if (!verbose) return sentence;
  const story = inspect(error);
  return story.includes(sentence) ? story : `${sentence}\n${story}`;
}

/** The message of an error, in the words of somebody who typed a command. */
async function inOurWords(error: unknown): Promise<string> {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof Problem || error instanceof Interruption) return error.message;
  const { LimitMismatchError, LockError } = await library();
  if (!(error instanceof LockError)) return error.message;
  if (error instanceof LimitMismatchError) return differentLimit(error);
  return OPTIONS.reduce((text, [theirs, ours]) => text.replaceAll(new RegExp(theirs, "g"), ours), error.message);
}

function differentLimit({ resource, limit, wanted }: LimitMismatchError): string {
  const name = resource === undefined ? "The semaphore" : `"${resource}"`;
  return (
    `${name} is used with --max-holders ${limit}, not ${wanted}: say ${limit} as well, or change it for everybody ` +
    "with --replace-limit."
  );
}
