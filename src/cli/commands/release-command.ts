import { Command, Option } from "commander";
import { type Finish, settle } from "../finish.js";
import { authFileOption, rootOption, token, verboseOption, zookeeperOption } from "../options.js";
import type { ReleaseFlags } from "./force-release.js";

/** `zk-lock release`. */
export function releaseCommand(finish: Finish): Command {
  return new Command("release")
    .description("Take a lock away from its holder, whose command is then ended.")
    .usage("[options] --force --token <n> <resource>")
    .argument("<resource>")
    .addOption(new Option("--force", "say that you know what you do").makeOptionMandatory())
    .addOption(new Option("--token <n>", "of that very hold, as show tells it").argParser(token).makeOptionMandatory())
    .addOption(new Option("-y, --yes", "do not ask; needed where there is no terminal").default(false))
    .addOption(zookeeperOption())
    .addOption(rootOption())
    .addOption(authFileOption())
    .addOption(verboseOption())
    .action(async (resource: string, flags: ReleaseFlags) => {
      const { forceRelease } = await import("./force-release.js");
      finish(await settle(() => forceRelease(resource, flags), flags.verbose));
    });
}
