import { hostname } from "node:os";
import { InvalidArgumentError, Option } from "commander";
import type { Place } from "./connection.js";

/** The options that several subcommands have, each made anew since commander keeps state in them. */
export const zookeeperOption = (): Option =>
  new Option("-z, --zookeeper <servers>", "host:port,… (127.0.0.1:2181)")
    .env("ZK_LOCK_SERVERS")
    .default("127.0.0.1:2181");

export const rootOption = (): Option =>
  new Option("-r, --root <dir>", "where the locks are (/locks)").env("ZK_LOCK_ROOT").default("/locks");

export const authFileOption = (): Option =>
  new Option("--auth-file <f>", "file of digest:user:password, or ZK_LOCK_AUTH");

export const verboseOption = (): Option =>
  new Option("-v, --verbose", "tell what happens, and errors in full, on stderr").default(false);

/** The options of the commands that only look, in the order of their help. @param json what `--json` prints */
export const lookOptions = (json: string): readonly Option[] => [
  zookeeperOption(),
  rootOption(),
  authFileOption(),
  new Option("--json", json).default(false),
  verboseOption(),
];

/** What these options give. */
export interface PlaceFlags {
  readonly zookeeper: string;
  readonly root: string;
  readonly authFile?: string;
  readonly verbose: boolean;
}

/** What lookOptions give. */
export interface LookFlags extends PlaceFlags {
  readonly json: boolean;
}

/** Where they say that the locks are. */
export function placeOf({ zookeeper, root, authFile }: PlaceFlags): Place {
  return { servers: zookeeper, root, authFile };
}

/** The sentence, and the environment variable that stands for the option. Defaults are in the sentences. */
export function optionDescription({ description, envVar }: Option): string {
  return envVar === undefined ? description : `${description} [${envVar}]`;
}

/** `run`'s own options, in the order of the help. */
export const runOptions = (): readonly Option[] => [
  zookeeperOption(),
  new Option("-k, --key <resource>", "instead of the argument").env("ZK_LOCK_KEY"),
  new Option("-i, --id <name>", "name shown to others (host name)").env("ZK_LOCK_ID").default(hostname()),
  rootOption(),
  authFileOption(),
  new Option("-t, --ttl <seconds>", "session timeout (10)").env("ZK_LOCK_TTL").argParser(positiveSeconds),
  new Option("-w, --wait <seconds>", "how long to wait; 0: not at all").env("ZK_LOCK_WAIT").argParser(seconds),
  new Option("-c, --max-holders <n>", "a semaphore: up to n hold it").argParser(count).conflicts(["read", "write"]),
  new Option("--replace-limit", "change n, where others said another one").default(false),
  new Option("--read", "shared with other readers").conflicts(["write"]).default(false),
  new Option("--write", "exclusive, in one queue with the readers").default(false),
  new Option("-n, --node", "fork a Node module, and ping it").default(false),
  new Option("-f, --foreground", "leave the child its controlling terminal").default(false),
  new Option("-E, --conflict-exit-code <n>", "instead of 1, if the lock is not to be had").argParser(exitCode),
  new Option("--unreachable-exit-code <n>", "instead of 1, if ZooKeeper is not there").argParser(exitCode),
  verboseOption(),
];

/** What runOptions give. */
export interface RunFlags extends PlaceFlags {
  readonly key?: string;
  readonly id: string;
  /** Milliseconds. */
  readonly ttl?: number;
  /** Milliseconds. */
  readonly wait?: number;
  readonly maxHolders?: number;
  readonly replaceLimit: boolean;
  readonly read: boolean;
  readonly write: boolean;
  readonly node: boolean;
  readonly foreground: boolean;
  readonly conflictExitCode?: number;
  readonly unreachableExitCode?: number;
}

/** A fencing token, as `show` and the child's environment give it. */
export function token(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError("A token is a whole number.");
  return value;
}

/** Seconds as people write them, in milliseconds as we use them. */
function seconds(text: string): number {
  if (!/^\d+(\.\d+)?$|^\.\d+$/.test(text)) throw new InvalidArgumentError("Seconds are a number, such as 30 or 0.5.");
  return Math.round(Number(text) * 1000);
}

function positiveSeconds(text: string): number {
  const ms = seconds(text);
  if (ms === 0) throw new InvalidArgumentError("A session needs more time than that.");
  return ms;
}

function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("That is a whole number of at least 1.");
  return Number(text);
}

function exitCode(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) > 255)
    throw new InvalidArgumentError("That is a whole number up to 255.");
  return Number(text);
}
