import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { completionCommand } from "./commands/completion.js";
import { type End, EXIT } from "./exit.js";
import type { Finish } from "./finish.js";
import { lsCommand } from "./commands/ls.js";
import { optionDescription } from "./options.js";
import { writeError, writeText } from "./terminal/output.js";
import { releaseCommand } from "./commands/release.js";
import { runCommand } from "./commands/run.js";
import { serveCommand } from "./commands/serve.js";
import { showCommand } from "./commands/show.js";
import { watchCommand } from "./commands/watch.js";

const HELP_COLUMNS = 80;

const NOTES = `
Locks live in Apache ZooKeeper (-z or ZK_LOCK_SERVERS; 127.0.0.1:2181).
  zk-lock run backup -- tar -czf /srv/backup.tgz /srv/data
"zk-lock <command> --help" tells about its options, "man zk-lock" everything.`;

/** The whole command line: also what the completion and the manual page are made from. */
export function program(finish: Finish = () => undefined): Command {
  const root = new Command("zk-lock")
    .description("Run commands under a distributed lock, and look at the locks there are.")
    .version(version(), "-V, --version", "print the version")
    // Options of a subcommand stand behind its name, so that each may have its own -v.
    .enablePositionalOptions()
    .addHelpText("after", NOTES);
  const commands = [runCommand, lsCommand, showCommand, watchCommand, releaseCommand, serveCommand, completionCommand];
  for (const make of commands) root.addCommand(make(finish));
  root.helpCommand("help [command]", "Tell about a command.");
  for (const command of [root, ...root.commands]) {
    command
      .exitOverride()
      .helpOption("-h, --help", "print this help")
      .configureHelp({ optionDescription, subcommandTerm: (subcommand) => subcommand.name() })
      .configureOutput({
        writeOut: writeText,
        writeErr: writeError,
        getOutHelpWidth: () => HELP_COLUMNS,
        getErrHelpWidth: () => HELP_COLUMNS,
        outputError: (text, write) => write(`${text.replace(/^error:/, "zk-lock:")}${hint(command)}`),
      });
  }
  return root;
}

/** Parses the words of the command line and does what they say; resolves with what zk-lock ends with. */
export async function perform(words: readonly string[]): Promise<End> {
  let end: End = EXIT.ok;
  try {
    await program((come) => (end = come)).parseAsync(words, { from: "user" });
    return end;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

function hint(command: Command): string {
  const name = command.parent === null ? "zk-lock" : `zk-lock ${command.name()}`;
  return `See "${name} --help".\n`;
}

function version(): string {
  const manifest = createRequire(import.meta.url)("../../package.json") as { version: string };
  return manifest.version;
}
