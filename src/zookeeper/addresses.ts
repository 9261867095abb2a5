import { lookup } from "node:dns/promises";
import { InvalidArgumentError, LockError } from "../errors.js";

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where servers are found: asked anew for each client, so that the ensemble may move. */
export type Locator = () => Promise<string | Address | Address[]>;

const DEFAULT_PORT = 2181;

/**
 * The addresses of `servers` as the C client should get them. The names are resolved here, because the client would do so at
 * each I/O event, blocking.
 * @throws InvalidArgumentError for what is no address, LockError when no name resolves
 */
export async function resolveServers(servers: string | Locator): Promise<string> {
  const located = typeof servers === "string" ? servers : await servers();
  const { addresses, chroot } =
    typeof located === "string" ? parseServers(located) : { addresses: [located].flat(), chroot: "" };
  const numeric = (await Promise.all(addresses.map(resolve))).flat();
  if (numeric.length === 0) throw new LockError(`None of the ZooKeeper servers' names resolves: ${write(addresses)}.`);
  return write(oddList(numeric)) + chroot;
}

/**
 * Never an even number of addresses: of those the client can leave half untried for ever (ZOOKEEPER-2466), so the first is
 * repeated. (A lone one stays alone: the client looks all its addresses up at each I/O event, and where a third of the session
 * timeout until its next try would matter, a fresh client of ours comes before it.)
 */
export function oddList<T>(addresses: readonly T[]): T[] {
  const [first] = addresses;
  return first === undefined || addresses.length % 2 === 1 ? [...addresses] : [...addresses, first];
}

/** The same servers as somebody else's connect string, and the same chroot behind them, in an odd list. */
export function oddConnectString(connect: string): string {
  const chroot = chrootOf(connect);
  const hosts = connect.slice(0, connect.length - chroot.length);
  return oddList(hosts.split(",")).join(",") + chroot;
}

/** @throws InvalidArgumentError for what is not `host:port,host:port` with an optional `/chroot` behind it */
export function parseServers(servers: string): { addresses: Address[]; chroot: string } {
  const slash = servers.indexOf("/");
  const hosts = slash < 0 ? servers : servers.slice(0, slash);
  const addresses = hosts.split(",").map((text) => parseAddress(text.trim(), servers));
  return { addresses, chroot: chrootOf(servers).replace(/\/+$/, "") };
}

/** What stands behind the addresses of a connect string, and in front of every path on its way to the server. */
export function chrootOf(servers: string): string {
  const slash = servers.indexOf("/");
  return slash < 0 ? "" : servers.slice(slash);
}

function parseAddress(text: string, servers: string): Address {
  const [, host, port = String(DEFAULT_PORT)] = /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw new InvalidArgumentError(
      `ZooKeeper servers are written "host:port,host:port", with "/chroot" behind them if need be: "${servers}" is not.`,
    );
  }
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

async function resolve({ host, port }: Address): Promise<Address[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => ({ host: address, port }));
  } catch {
    return [];
  }
}

function write(addresses: readonly Address[]): string {
  return addresses.map(({ host, port }) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`)).join(",");
}
