import { inspect } from "node:util";
import { ConnectError, InvalidArgumentError, LockLostError, SessionLostError } from "../index.js";
import { inOurWords } from "./error-words.js";
import type { End, ExitCodes, Failure } from "./exit-codes.js";

/** Something that ends zk-lock with a code of its own, and is told in one sentence. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    message: string,
    readonly failure: Failure,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A signal ended zk-lock while it had no child to pass it on to. */
export class Interruption extends Error {
  override readonly name = "Interruption";

  constructor(readonly signal: NodeJS.Signals) {
    super(`ended by ${signal}`);
  }
}

/** What zk-lock ends with because of an error. */
export function endOf(error: unknown, codes: ExitCodes): End {
  return error instanceof Interruption ? error.signal : codes[failureOf(error)];
}

function failureOf(error: unknown): Failure {
  if (error instanceof Problem) return error.failure;
  if (error instanceof InvalidArgumentError) return "usage";
  if (error instanceof LockLostError) return "lost";
  if (error instanceof ConnectError || error instanceof SessionLostError) return "unreachable";
  return "notAcquired";
}

/** One sentence; the whole story, with the stack and the causes, where somebody asked for it. */
export function describeError(error: unknown, verbose: boolean): string {
  const sentence = inOurWords(error);
  if (!verbose) return sentence;
  const story = inspect(error);
  return story.includes(sentence) ? story : `${sentence}\n${story}`;
}
