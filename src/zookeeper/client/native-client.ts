import { isMainThread } from "node:worker_threads";
import { ConnectError } from "../../errors.js";
import type { PackageClient } from "./client.js";

type NativeConstructor = new (config: object) => unknown;

/** Replies that arrive in many pieces make the client close its own session after ten empty reads, unless told otherwise. */
export const UNBOUNDED_PARTIAL_READS = 2 ** 31 - 1;

export interface SessionCredentials {
  readonly id: string;
  readonly password: string;
  /** As negotiated, in milliseconds: a client that has been closed does not know it any more. */
  readonly timeoutMs: number;
}

/** Why no client of the package can be used here, or null. */
export const OUT_OF_PLACE = isMainThread
  ? null
  : "In a worker thread the `zookeeper` package ends the whole process: connect in the main thread, or in a child process.";

/**
 * The package, loaded on first use: an application that brings a client of its own, or tests in memory, does not need its binary.
 * @throws ConnectError where it cannot be used: no waiting helps
 */
export async function loadPackage(load = (): Promise<unknown> => import("zookeeper")): Promise<NativeConstructor> {
  if (OUT_OF_PLACE !== null) throw new ConnectError(OUT_OF_PLACE);
  const { default: ZooKeeper } = (await load().catch((cause: unknown) => {
    throw new ConnectError(unusable(cause as NodeJS.ErrnoException), { cause });
  })) as { default?: NativeConstructor };
  if (typeof ZooKeeper === "function") return ZooKeeper;
  throw new ConnectError(
    "The `zookeeper` package has no client in it: leave it out of the bundle, as an external module.",
  );
}

function unusable({ code, message }: NodeJS.ErrnoException): string {
  const [reason] = message.split("\n");
  const isMissing = /^(ERR_)?MODULE_NOT_FOUND$/.test(code ?? "") && /'zookeeper'/.test(message);
  const advice = isMissing
    ? 'Install it: npm install zookeeper. Or connect with { client: "wire" }, which needs no package.'
    : "It is compiled where it is installed: allow its install script (npm rebuild zookeeper; it takes python3, make and g++), and leave it out of bundles, as an external module.";
  return `The \`zookeeper\` package cannot be loaded (${reason}). ${advice}`;
}

/**
 * A fresh client of the `zookeeper` package, on its way to connect: to a new session, or, given the credentials of one, into
 * that session with all its ephemeral nodes.
 */
export async function openNativeClient(
  connect: string,
  timeoutMs: number,
  resume?: SessionCredentials,
): Promise<PackageClient> {
  const ZooKeeper = await loadPackage();
  const config = {
    connect,
    timeout: timeoutMs,
    response_counter_limit: UNBOUNDED_PARTIAL_READS,
    ...(resume && { client_id: resume.id, client_password: resume.password }),
  };
  const client = new ZooKeeper(config) as PackageClient;
  // The package's default level writes to stderr; what matters reaches the user through our errors and events.
  client.init({ debug_level: 0 });
  return client;
}
