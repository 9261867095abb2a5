import { inspect } from "node:util";
import { InvalidArgumentError, LockLostError } from "../index.js";
import { EXIT, exitCodeOfSignal } from "./exit-codes.js";

/** Something that ends zk-lock with a code of its own, and is told in one sentence. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    message: string,
    readonly exitCode: number,
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

export function exitCodeOf(error: unknown): number {
  if (error instanceof Problem) return error.exitCode;
  if (error instanceof Interruption) return exitCodeOfSignal(error.signal);
  if (error instanceof InvalidArgumentError) return EXIT.usage;
  if (error instanceof LockLostError) return EXIT.lost;
  return EXIT.notAcquired;
}

/** One sentence; the whole story, with the stack and the causes, where somebody asked for it. */
export function describeError(error: unknown, verbose: boolean): string {
  if (verbose) return inspect(error);
  return error instanceof Error ? error.message : String(error);
}
