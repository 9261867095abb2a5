import { Command } from "commander";
import { type Finish, settle } from "../finish.js";
import { authFileOption, jsonOption, type PlaceFlags, rootOption, verboseOption, zookeeperOption } from "../options.js";

/** `zk-lock show`. */
export function showCommand(finish: Finish): Command {
  return new Command("show")
    .description("Show the holders and waiters of a resource, in order.")
    .usage("[options] <resource>")
    .argument("<resource>")
    .addOption(zookeeperOption())
    .addOption(rootOption())
    .addOption(authFileOption())
    .addOption(jsonOption("one object, for programs"))
    .addOption(verboseOption())
    .action(async (resource: string, flags: PlaceFlags & { json: boolean }) => {
      const { show } = await import("./show.js");
      finish(await settle(() => show(resource, flags), flags.verbose));
    });
}
