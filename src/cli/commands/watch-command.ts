import { Command } from "commander";
import { type Finish, settle } from "../finish.js";
import { authFileOption, jsonOption, type PlaceFlags, rootOption, verboseOption, zookeeperOption } from "../options.js";

/** `zk-lock watch`. */
export function watchCommand(finish: Finish): Command {
  return new Command("watch")
    .description("Print a line whenever a resource is locked or unlocked, until Ctrl-C.")
    .usage("[options] <resource>")
    .argument("<resource>")
    .addOption(zookeeperOption())
    .addOption(rootOption())
    .addOption(authFileOption())
    .addOption(jsonOption("a line of JSON for each event"))
    .addOption(verboseOption())
    .action(async (resource: string, flags: PlaceFlags & { json: boolean }) => {
      const { watch } = await import("./watch.js");
      finish(await settle(() => watch(resource, flags), flags.verbose));
    });
}
