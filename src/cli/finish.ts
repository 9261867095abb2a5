import { Notes } from "./terminal/notes.js";
import { describeError, endOf, Interruption } from "./problem.js";
import { ReaderGone } from "./terminal/output.js";
import { type End, EXIT, type ExitCodes } from "./exit-codes.js";

/** Takes what a subcommand comes to. */
export type Finish = (end: End) => void;

/** Runs a subcommand's work, and turns what it throws into a line on stderr and an exit code. */
export async function settle(work: () => Promise<End>, verbose: boolean, codes: ExitCodes = EXIT): Promise<End> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ReaderGone) return "SIGPIPE";
    // The sender of a signal knows of it.
    const notes = new Notes(verbose);
    if (verbose) notes.tell(describeError(error, verbose));
    else if (!(error instanceof Interruption)) notes.say(describeError(error, verbose));
    return endOf(error, codes);
  }
}
