import type { Command } from "commander";
import { EXIT_CODES } from "../exit.js";
import { DETAILS } from "./man-details.js";
import { program } from "../program.js";

/** The manual page in roff, made from the command line's own definitions. No date: it changes when the text does. */
export function manPage(): string {
  const root = program();
  const lines = [
    `.\\" Made by scripts/man-page.mjs: edit src/cli instead.`,
    '.TH ZK\\-LOCK 1 "" "zk\\-lock\\-manager"',
    ".SH NAME",
    `zk\\-lock \\- ${roff(lowerFirst(root.description()).replace(/\.$/, ""))}`,
    ".SH SYNOPSIS",
    ...root.commands.flatMap((command) => [`.B zk\\-lock ${command.name()}`, roff(command.usage()), ".br"]),
    ".SH COMMANDS",
    ...root.commands.flatMap(commandLines),
    ".SH EXIT CODE",
    ...EXIT_CODES.flatMap(({ code, meaning }) => entry(`.B ${roff(code)}`, meaning)),
    ".SH ENVIRONMENT",
    ...environment(root).flatMap(({ name, meaning }) => entry(`.B ${name}`, meaning)),
    ...DETAILS.flatMap(({ title, paragraphs }) => [
      `.SH ${title}`,
      ...paragraphs.flatMap((text, index) => (index === 0 ? [roff(text)] : [".PP", roff(text)])),
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

function commandLines(command: Command): string[] {
  const options = command.createHelp().visibleOptions(command);
  return [
    `.SS ${command.name()}`,
    roff(command.description()),
    ...options.flatMap(({ flags, description }) => entry(`.B ${roff(flags)}`, description)),
  ];
}

function environment(root: Command): { name: string; meaning: string }[] {
  const [run] = root.commands.filter((command) => command.name() === "run");
  const ofOptions = (run?.options ?? []).flatMap(({ envVar, long, description }) =>
    envVar === undefined ? [] : [{ name: envVar, meaning: `in place of ${long ?? ""}: ${description}` }],
  );
  return [
    ...ofOptions,
    {
      name: "ZK_LOCK_AUTH",
      meaning: "in place of what stands in --auth-file: digest:user:password; the command does not inherit it",
    },
    { name: "ZK_LOCK_RESOURCE", meaning: "for the command that run starts: the resource that is locked" },
    {
      name: "ZK_LOCK_HELD",
      meaning:
        "for zk-lock in the command: the locks that it runs under, as JSON, so that it does not wait for its own ancestor",
    },
    { name: "ZK_LOCK_TOKEN", meaning: "for the command: the fencing token, to be sent along with each write" },
    {
      name: "ZK_LOCK_SLOT",
      meaning: "for the command, with --max-holders: a number from 0 to n-1 that no other holder has at the same time",
    },
    {
      name: "ZK_LOCK_SHARED",
      meaning: "for the command: 1 where the lock is shared, and its number therefore no fence",
    },
  ];
}

function entry(term: string, text: string): string[] {
  return [".TP", term, roff(text)];
}

function roff(text: string): string {
  const escaped = text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("…", "...");
  // A dot or a quote at the head of a line would be a request.
  return escaped.replaceAll(/^(?=[.'])/gm, "\\&");
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
