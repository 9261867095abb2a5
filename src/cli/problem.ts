import type { Failure } from "./exit.js";

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
