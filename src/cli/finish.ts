import { Notes } from "./notes.js";
import { describeError, exitCodeOf, Interruption } from "./problem.js";
import { ReaderGone } from "./output.js";
import { exitCodeOfSignal } from "./exit-codes.js";

/** Takes the exit code that a subcommand comes to. */
export type Finish = (exitCode: number) => void;

/** Runs a subcommand's work, and turns whatever it throws into a line on stderr and an exit code. */
export async function settle(work: () => Promise<number>, verbose: boolean): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ReaderGone) return exitCodeOfSignal("SIGPIPE");
    // Whoever sent the signal knows.
    if (!(error instanceof Interruption) || verbose) new Notes(verbose).say(describeError(error, verbose));
    return exitCodeOf(error);
  }
}
