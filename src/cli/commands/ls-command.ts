import { Command } from "commander";
import { type Finish, settle } from "../finish.js";
import { authFileOption, jsonOption, type PlaceFlags, rootOption, verboseOption, zookeeperOption } from "../options.js";

/** `zk-lock ls`. */
export function lsCommand(finish: Finish): Command {
  return new Command("ls")
    .description("List the resources, who holds them, and how many wait.")
    .addOption(zookeeperOption())
    .addOption(rootOption())
    .addOption(authFileOption())
    .addOption(jsonOption("an array of what show --json prints"))
    .addOption(verboseOption())
    .action(async (flags: PlaceFlags & { json: boolean }) => {
      const { list } = await import("./list.js");
      finish(await settle(() => list(flags), flags.verbose));
    });
}
