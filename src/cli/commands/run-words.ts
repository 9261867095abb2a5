import { Problem } from "../problem.js";

/** What `run` was given besides its options. */
export interface RunWords {
  readonly resource: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** Where the resource was named already: by `-k`, or by the environment. */
export interface GivenKey {
  readonly key: string | undefined;
  readonly fromEnvironment: boolean;
}

/**
 * Splits `<resource> [--] <command> [args…]`. With a key all words are the command, except that `resource -- command` wins
 * over a key of the environment. `dashesFirst`: a `--` stood before the first word, so all of them are the command if there
 * is a key.
 * @throws Problem 64
 */
export function splitWords(
  words: readonly string[],
  { key, fromEnvironment }: GivenKey,
  dashesFirst: boolean,
): RunWords {
  const namesResource = key === undefined || (fromEnvironment && !dashesFirst && words[1] === "--");
  const resource = namesResource ? words[0] : key;
  const rest = namesResource ? words.slice(1) : words;
  const [command, ...args] = namesResource && rest[0] === "--" ? rest.slice(1) : rest;
  if (resource === undefined || resource === "") throw new Problem("Which resource is to be locked?", "usage");
  if (command === undefined || command === "") {
    throw new Problem(`Which command is to run while "${resource}" is ours?`, "usage");
  }
  return { resource, command, args };
}
