import type { ConnectionOptions } from "node:tls";
import type { LockError } from "../../errors.js";
import type { SessionCredentials } from "../client/native-client.js";
import { WireClient } from "../client/wire-client.js";
import { type Locator, type ResolvedServers, writeAddress } from "./addresses.js";
import { type ClientSource, ownWindowMs } from "./client-source.js";
import { ServerFinder, type Trouble } from "./server-finder.js";

/** What stands in the way of TLS, by the start of an error's code, and what to do about it. */
const CERTIFICATE_FAILURES: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, "has a certificate for another name. Is the address right?"],
  [/^CERT_HAS_EXPIRED$/, "has a certificate that has expired."],
  [/^CERT_NOT_YET_VALID$/, "has a certificate that is not valid yet. Is the clock right?"],
  [
    /^(UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED)/,
    "has a certificate of an authority that we do not trust: give that authority as tls.ca.",
  ],
  [
    /^ERR_SSL_.*(BAD_CERTIFICATE|CERTIFICATE_REQUIRED|CERTIFICATE_UNKNOWN|UNKNOWN_CA|CERTIFICATE_EXPIRED)$/,
    "refuses our certificate, or wants one: give tls.cert and tls.key that it trusts.",
  ],
  [/^ERR_SSL_WRONG_VERSION_NUMBER$/, "does not speak TLS on this port. Is the port right?"],
];

/**
 * Sessions of our own on our own client: the servers are looked up anew for each.
 * @param tls undefined: without TLS
 * @param onLocatorFailure hears once of each outage of the locator
 */
export function wireSource(
  servers: string | Locator,
  sessionTimeoutMs: number,
  tls: ConnectionOptions | undefined,
  onLocatorFailure: (error: LockError) => void,
): ClientSource {
  const finder = new ServerFinder(servers, onLocatorFailure);
  let latest: WireClient | null = null;
  const open = ({ addresses, chroot }: ResolvedServers, resume?: SessionCredentials): WireClient => {
    // Where the client before this one lost its connection, or got none in time: a black hole must not cost a second attempt.
    const failed = new Set([...(latest?.failures.keys() ?? [])].map(writeAddress));
    latest = new WireClient({
      servers: addresses,
      chroot,
      sessionTimeoutMs,
      tls,
      isDoubtful: (server) => failed.has(writeAddress(server)),
      resume: resume && { id: BigInt(`0x${resume.id}`), password: Buffer.from(resume.password, "hex") },
    });
    latest.init();
    return latest;
  };
  return {
    takeOver: "at-once",
    next: async () => open(await finder.find()),
    resume: async (credentials) => open(await finder.findOrRemember(), credentials),
    // A plain knock at the door finds out more than our client has been told; over TLS only the client has the keys to it.
    trouble: () => (tls === undefined || latest === null ? finder.trouble() : Promise.resolve(troubleOf(latest))),
    windowMs: ownWindowMs,
  };
}

/** What the client has met with so far; null: nothing yet. */
function troubleOf({ failures }: WireClient): Trouble | null {
  const findings = [...failures].map(([{ host, port, name = host }, error]) => {
    const { code = "", message } = error as NodeJS.ErrnoException;
    const known = CERTIFICATE_FAILURES.find(([pattern]) => pattern.test(code))?.[1];
    const address = writeAddress({ host: name, port });
    return {
      what: known === undefined ? `${address}: ${message.replace(/\.?$/, ".")}` : `${address} ${known} (${code})`,
      error,
      isFinal: known !== undefined,
    };
  });
  const [first] = findings;
  if (first === undefined) return null;
  return {
    what: findings.map(({ what }) => what).join(" "),
    cause: first.error,
    isFinal: findings.every(({ isFinal }) => isFinal),
  };
}
