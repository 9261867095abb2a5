import { Command, InvalidArgumentError, Option } from "commander";
import { type Finish, settle } from "../finish.js";
import { verboseOption } from "../options.js";
import type { ServeFlags } from "./serve.js";

const LARGEST_PORT = 65_535;
const NOTES = `
For trying things out, and for tests: one server, no ensemble. Nothing is kept
when it ends, and nothing is encrypted.`;

/** `zk-lock serve`. */
export function serveCommand(finish: Finish): Command {
  return new Command("serve")
    .description("Run a ZooKeeper in memory, for this machine, until Ctrl-C.")
    .addOption(new Option("-p, --port <n>", "where to listen; 0: any (2181)").default(2_181).argParser(port))
    .addOption(new Option("--host <address>", "address to listen on (127.0.0.1)").default("127.0.0.1"))
    .addOption(verboseOption())
    .addHelpText("after", NOTES)
    .action(async (flags: ServeFlags) => {
      const { serve } = await import("./serve.js");
      finish(await settle(() => serve(flags), flags.verbose));
    });
}

function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > LARGEST_PORT) {
    throw new InvalidArgumentError(`A port is a whole number up to ${LARGEST_PORT}.`);
  }
  return Number(text);
}
