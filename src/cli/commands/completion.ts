import { Argument, Command } from "commander";
import { type End, EXIT } from "../exit.js";
import { type Finish, settle } from "../finish.js";
import { completionFor } from "../manual/completion.js";
import { writeText } from "../terminal/output.js";

const NOTES = `
bash:  eval "$(zk-lock completion bash)"   in ~/.bashrc
zsh:   eval "$(zk-lock completion zsh)"    in ~/.zshrc, after compinit`;

/** `zk-lock completion`. */
export function completionCommand(finish: Finish): Command {
  return new Command("completion")
    .description("Print what makes a shell complete this command line.")
    .usage("<shell>")
    .addArgument(new Argument("<shell>", "bash or zsh").choices(["bash", "zsh"]))
    .addHelpText("after", NOTES)
    .action(async (shell: "bash" | "zsh", _flags: unknown, command: Command) => {
      const work = (): Promise<End> => {
        writeText(completionFor(shell, command.parent ?? command));
        return Promise.resolve(EXIT.ok);
      };
      finish(await settle(work, false));
    });
}
