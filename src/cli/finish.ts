import { library } from "./connection.js";
import { describeError } from "./error-words.js";
import { type End, EXIT, type ExitCodes, type Failure } from "./exit.js";
import { Interruption, Problem } from "./problem.js";
import { Notes } from "./terminal/notes.js";
import { ReaderGone } from "./terminal/output.js";

/** Takes what a subcommand comes to. */
export type Finish = (end: End) => void;

/** Runs a subcommand's work, and turns what it throws into a line on stderr and an exit code. */
export async function settle(work: () => Promise<End>, verbose: boolean, codes: ExitCodes = EXIT): Promise<End> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ReaderGone) return "SIGPIPE";
    const notes = new Notes(verbose);
    if (verbose) notes.tell(await describeError(error, verbose));
    // The sender of a signal knows of it.
    else if (!(error instanceof Interruption)) notes.say(await describeError(error, verbose));
    return error instanceof Interruption ? error.signal : codes[await failureOf(error)];
  }
}

async function failureOf(error: unknown): Promise<Failure> {
  if (error instanceof Problem) return error.failure;
  const { ConnectError, InvalidArgumentError, LockLostError, SessionLostError } = await library();
  if (error instanceof InvalidArgumentError) return "usage";
  if (error instanceof LockLostError) return "lost";
  if (error instanceof ConnectError || error instanceof SessionLostError) return "unreachable";
  return "notAcquired";
}
