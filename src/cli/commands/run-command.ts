import { Command } from "commander";
import { type Finish, settle } from "../finish.js";
import { type End, EXIT, type ExitCodes } from "../exit-codes.js";
import { placeOf, type RunFlags, runOptions } from "../options.js";
import { Problem } from "../problem.js";
import type { Mode, RunRequest } from "./run-request.js";
import { splitWords } from "./run-words.js";

const NOTES = `Exit code: the command's; 1, 2, 3, 4, 64 and 128+n are explained by man zk-lock.`;

/** `zk-lock run`. */
export function runCommand(finish: Finish): Command {
  const command = new Command("run")
    .description("Run a command while holding a lock.")
    .usage("[options] <resource> [--] <command> [args…]")
    .argument("[words...]")
    // What stands behind the resource is the command's, also where it looks like an option of ours.
    .passThroughOptions()
    .addHelpText("after", NOTES);
  for (const option of runOptions()) command.addOption(option);
  return command.action(async (words: string[], flags: RunFlags) => {
    const work = async (): Promise<End> => {
      const request = await readRequest(command, words, flags);
      const { run } = await import("./run.js");
      return run(request);
    };
    finish(await settle(work, flags.verbose, codesOf(flags)));
  });
}

async function readRequest(command: Command, words: readonly string[], flags: RunFlags): Promise<RunRequest> {
  const given = { key: flags.key, fromEnvironment: command.getOptionValueSource("key") === "env" };
  const all = (command.parent as unknown as { rawArgs: string[] }).rawArgs;
  const split = splitWords(words, given, all.at(-words.length - 1) === "--");
  return {
    place: placeOf(flags),
    id: flags.id,
    resource: split.resource,
    mode: modeOf(flags),
    ttlMs: flags.ttl,
    waitMs: flags.wait,
    child: {
      command: flags.node ? (await import("../node-module.js")).findNodeModule(split.command) : split.command,
      args: split.args,
      isNodeModule: flags.node,
      foreground: flags.foreground,
    },
    verbose: flags.verbose,
  };
}

function codesOf({ conflictExitCode, unreachableExitCode }: RunFlags): ExitCodes {
  return {
    ...EXIT,
    notAcquired: conflictExitCode ?? EXIT.notAcquired,
    unreachable: unreachableExitCode ?? EXIT.unreachable,
  };
}

/** @throws Problem 64 */
function modeOf({ read, write, maxHolders, replaceLimit }: RunFlags): Mode {
  if (maxHolders !== undefined) return { kind: "semaphore", maxHolders, replaceLimit };
  if (replaceLimit) throw new Problem("--replace-limit changes what --max-holders says: give both.", "usage");
  return { kind: read ? "read" : write ? "write" : "exclusive" };
}
