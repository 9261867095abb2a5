import { lookup } from "node:dns/promises";
import { isIPv6 } from "node:net";
import { domainToASCII } from "node:url";
import { inspect } from "node:util";
import { InvalidArgumentError, LockError } from "../../errors.js";
import { checkChroot } from "../../common/resource-path.js";

/** The address of one ZooKeeper server. */
export interface Address {
  /** A host name, or an IP address without brackets. */
  readonly host: string;
  /** The port for clients. */
  readonly port: number;
  /** The name that this number was found under. */
  readonly name?: string;
}

/** Where servers are found: asked anew for each client, so that the ensemble may move. */
export type Locator = () => Promise<string | Address | Address[]>;

export interface Servers {
  readonly addresses: readonly Address[];
  readonly chroot: string;
}

/** Servers as numbers; and the names that have none. */
export interface ResolvedServers extends Servers {
  readonly unresolved: readonly { readonly address: Address; readonly error: unknown }[];
}

const DEFAULT_PORT = 2181;

/**
 * The same servers by number: the C client would look their names up at each I/O event, blocking.
 * @throws LockError when no name resolves, with the resolver's error as its cause
 */
export async function lookUp({ addresses, chroot }: Servers): Promise<ResolvedServers> {
  const answers = await Promise.all(addresses.map(resolve));
  const numeric = answers.flatMap((answer) => (Array.isArray(answer) ? answer : []));
  const unresolved = answers.flatMap((error, index) =>
    Array.isArray(error) ? [] : [{ address: addresses[index] as Address, error }],
  );
  const [first] = unresolved;
  if (numeric.length > 0) return { addresses: numeric, chroot, unresolved };
  if (first === undefined) throw new LockError("The list of ZooKeeper servers is empty.");
  throw new LockError(
    `${unresolved.map(({ address, error }) => describeUnresolved(address, error)).join(" ")} Is the name right?`,
    { cause: first.error },
  );
}

export function describeUnresolved(address: Address, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return `The name of ${writeAddress(address)} does not resolve${code === undefined ? "" : ` (${code})`}.`;
}

/** As the C client reads it. */
export function connectString({ addresses, chroot }: Servers): string {
  // Without the brackets of an IPv6 address: for the client the port is what stands behind the last colon.
  return oddList(addresses.map(({ host, port }) => `${host}:${port}`)).join(",") + chroot;
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

/** @throws InvalidArgumentError for what is not `host:port,host:port` with an optional, clean `/chroot` behind it */
export function parseServers(servers: unknown): Servers {
  if (typeof servers !== "string") {
    throw new InvalidArgumentError(
      `ZooKeeper servers are a string such as "host:port,host:port", or a function that resolves with one, not ${inspect(servers)}.`,
    );
  }
  const slash = servers.indexOf("/");
  const hosts = slash < 0 ? servers : servers.slice(0, slash);
  const addresses = hosts.split(",").map((text) => parseAddress(text.trim(), servers));
  const chroot = chrootOf(servers).replace(/\/+$/, "");
  if (chroot !== "") checkChroot(chroot);
  return { addresses, chroot };
}

/** What a locator resolved with. @throws InvalidArgumentError where that is none of what a Locator may give */
export function checkLocated(located: unknown): Servers {
  if (typeof located === "string") return parseServers(located);
  const addresses = Array.isArray(located) ? (located as unknown[]) : [located];
  return { addresses: addresses.map(checkAddress), chroot: "" };
}

/** What stands behind the addresses of a connect string, and in front of every path on its way to the server. */
export function chrootOf(servers: string): string {
  const slash = servers.indexOf("/");
  return slash < 0 ? "" : servers.slice(slash);
}

/** As people write it. */
export function writeAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseAddress(text: string, servers: string): Address {
  const [, written, port = String(DEFAULT_PORT)] = /^(\[[^\]]*\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = written === undefined ? null : readHost(written);
  if (host === null || !isPort(Number(port))) {
    throw new InvalidArgumentError(
      `ZooKeeper servers are written "host:port,host:port", with "/chroot" behind them if need be: "${servers}" is not.`,
    );
  }
  return { host, port: Number(port) };
}

function checkAddress(address: unknown): Address {
  const { host, port } = (address ?? {}) as Partial<Address>;
  const read = typeof host === "string" ? readHost(isIPv6(host) ? `[${host}]` : host) : null;
  if (read === null || !isPort(port)) {
    throw new InvalidArgumentError(
      `A locator resolves with "host:port,host:port", { host, port }, or a list of those, not with ${inspect(address)}.`,
    );
  }
  return { host: read, port };
}

function isPort(port: unknown): port is number {
  return Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65_535;
}

/** A name or a number as the resolver takes it, or null for what is neither. An IPv6 address stands in brackets. */
function readHost(written: string): string | null {
  const bracketed = /^\[(.*)\]$/.exec(written)?.[1];
  if (bracketed !== undefined) return isIPv6(bracketed) ? bracketed : null;
  if (/^[\w.-]+$/.test(written)) return written;
  // Beyond ASCII: the domain name system knows it in its ASCII form.
  return /^[\p{L}\p{M}\p{N}\w.-]+$/u.test(written) ? domainToASCII(written) || null : null;
}

/** The numbers of a name, or the error that says why there are none. */
async function resolve({ host, port }: Address): Promise<Address[] | Error> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) =>
      address === host ? { host, port } : { host: address, port, name: host },
    );
  } catch (error) {
    return error as Error;
  }
}
