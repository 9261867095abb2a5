import {
  type InMemoryClient,
  type InMemoryClientOptions,
  InMemoryZooKeeper,
  type InMemoryZooKeeperOptions,
  VirtualClock,
} from "../../../src/testing/index.js";

/** An ensemble on virtual time. Each message takes a millisecond, each way, unless told otherwise. */
export function ensemble(options: InMemoryZooKeeperOptions = {}): { clock: VirtualClock; zk: InMemoryZooKeeper } {
  const clock = new VirtualClock();
  return { clock, zk: new InMemoryZooKeeper({ clock, latencyMs: 1, tickTimeMs: 1_000, ...options }) };
}

/** A started client, and everything it sees. */
export function started(
  zk: InMemoryZooKeeper,
  options: InMemoryClientOptions = {},
): { client: InMemoryClient; log: string[] } {
  const client = zk.client({ timeout: 6_000, ...options });
  const log: string[] = [];
  for (const event of ["connect", "connecting", "created", "deleted", "changed", "child", "close"]) {
    client.on(event, (...args: never[]) => void log.push(`${event} ${String(args[1])}`.trim()));
  }
  client.init();
  return { client, log };
}

type Log = string[];

export function create(client: InMemoryClient, path: string, log: Log, flags = 0): number {
  return client.a_create(path, Buffer.alloc(0), flags, (code, _text, made) => void log.push(`create ${code} ${made}`));
}

export function get(client: InMemoryClient, path: string, log: Log, watch = false): number {
  return client.a_get(path, watch, (code) => void log.push(`get ${code}`));
}

export function remove(client: InMemoryClient, path: string, log: Log): number {
  return client.a_delete_(path, -1, (code) => void log.push(`delete ${code}`));
}

export function list(client: InMemoryClient, path: string, log: Log, watch = false): number {
  return client.a_get_children2(
    path,
    watch,
    (code, _text, children) => void log.push(`list ${code} ${String(children?.sort())}`),
  );
}
