import type { ZooKeeperClient } from "./client.js";

interface NativeModule {
  default: new (config: object) => unknown;
}

/** Replies that arrive in many pieces make the client close its own session after ten empty reads, unless told otherwise. */
export const UNBOUNDED_PARTIAL_READS = 2 ** 31 - 1;

export interface SessionCredentials {
  readonly id: string;
  readonly password: string;
  /** As negotiated, in milliseconds: a client that has been closed does not know it any more. */
  readonly timeoutMs: number;
}

/**
 * A fresh client of the `zookeeper` package, on its way to connect: to a new session, or, given the credentials of one, into
 * that session with all its ephemeral nodes. The package is loaded on first use: whoever brings a client of their own, or
 * tests in memory, does not need its binary.
 */
export async function openNativeClient(
  connect: string,
  timeoutMs: number,
  resume?: SessionCredentials,
): Promise<ZooKeeperClient> {
  const { default: ZooKeeper } = (await import("zookeeper")) as unknown as NativeModule;
  const config = {
    connect,
    timeout: timeoutMs,
    response_counter_limit: UNBOUNDED_PARTIAL_READS,
    ...(resume && { client_id: resume.id, client_password: resume.password }),
  };
  const client = new ZooKeeper(config) as ZooKeeperClient;
  // The package's default level writes to stderr; what matters reaches the user through our errors and events.
  client.init({ debug_level: 0 });
  return client;
}
