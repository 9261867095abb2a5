import { deferred, onAbort } from "../../common/abort.js";
import type { Clock } from "../../common/clock.js";
import { AccessDeniedError, ConnectError, type LockError } from "../../errors.js";
import type { Auth, DigestAuth } from "../../options.js";
import { chrootOf } from "./addresses.js";
import { Code, provesQuorum } from "../client/codes.js";
import type { Link, Reply } from "../client/link.js";

/** A version no node ever has, so that the write is refused: but by the quorum, which is what we want to hear. */
const NO_SUCH_VERSION = 2 ** 31 - 1;

/** A server that negotiates more than a day is no ZooKeeper (an HTTP server's "HTTP" reads as a timeout of years). */
const LONGEST_SESSION_MS = 86_400_000;

/**
 * Asks the whole quorum for a sign of life: a write that cannot succeed is still agreed upon, changes nothing, wakes no watch
 * and is not logged. Its answer proves what no read can: the leader that ends sessions has heard us.
 */
export function probe(link: Link, path: string): Promise<Reply<unknown>> {
  return link.request((calls, done) => calls.a_set(path, EMPTY, NO_SUCH_VERSION, (code) => done(code, null)));
}

const EMPTY = Buffer.alloc(0);

export interface Greeting {
  readonly clock: Clock;
  /** The node that probes are addressed to; it need not exist. */
  readonly probePath: string;
  readonly auth: Auth | undefined;
  /** Whether the chroot of the servers must be there: below a node that is not, nothing can be made. */
  readonly checksChroot?: boolean;
}

/**
 * Waits until the client of `link` is connected, says who we are, and has it confirmed by the quorum. "expired": the session
 * it came for is over. Null: not connected within `windowMs`, or lost again at once, and closed: try another. With an endless
 * window the client is somebody else's: it is given all the time it takes, and never closed. `abandon` ends the attempt in any
 * case, with null.
 * @throws AccessDeniedError, ConnectError where trying again is of no use
 */
export async function establish(
  link: Link,
  greeting: Greeting,
  windowMs: number,
  abandon?: AbortSignal,
): Promise<Reply<unknown> | "expired" | null> {
  const outcome = deferred<Reply<unknown> | "expired" | null>();
  const { clock } = greeting;
  const isOurs = Number.isFinite(windowMs);
  const letGo = (): void => (isOurs ? link.close() : link.release());
  const giveUp = (): void => {
    if (isOurs) outcome.resolve(null);
  };
  // A client that is connected by now must not be closed: that would end the very session it came for.
  const cancelWindow = clock.after(windowMs, () => link.isUp() || giveUp());
  const greetNow = (): void => {
    cancelWindow();
    // No answer means that the connection is going down: that event is what ends the attempt.
    greet(link, greeting).then((answer) => answer !== null && outcome.resolve(answer), outcome.reject);
  };
  link.on("up", greetNow).once("down", giveUp).once("broken", giveUp);
  link.once("closed", (code) => outcome.resolve(code === Code.sessionExpired ? "expired" : null));
  if (link.isUp()) greetNow();
  // Whoever abandons us may do so in one of the client's callbacks, where it must not be closed.
  const unhook = onAbort(abandon, () => clock.soon(() => outcome.resolve(null)));
  try {
    const established = await outcome.promise;
    if (established === null) letGo();
    return established;
  } catch (error) {
    await new Promise<void>((resolve) => clock.soon(resolve));
    letGo();
    throw error;
  } finally {
    unhook();
    cancelWindow();
    link.removeAllListeners();
  }
}

/** A lone add_auth is answered up to a third of the session timeout late; with the probe behind it, at once. */
async function greet(link: Link, { probePath, auth, checksChroot = false }: Greeting): Promise<Reply<unknown> | null> {
  const { timeout, config } = link.client;
  if (timeout > LONGEST_SESSION_MS || timeout <= 0) {
    throw new ConnectError(
      `${serversOf(config?.connect)} offers a session of ${timeout} ms, so it is no ZooKeeper. Is the port right?`,
    );
  }
  const authenticated = auth === undefined || auth.scheme === "x509" ? null : authenticate(link, auth);
  const chroot = chrootOf(config?.connect ?? "");
  const top = checksChroot && chroot !== "" ? readTop(link) : null;
  const answer = await probe(link, probePath);
  const denied = refusal((await authenticated)?.code) ?? refusal(answer.code);
  if (denied !== null) throw denied;
  if ((await top)?.code === Code.noNode) {
    throw new ConnectError(
      `The chroot ${chroot} does not exist, so nothing can be made below it. Is it right, in ${config?.connect ?? ""}? If so, create that node first.`,
    );
  }
  return provesQuorum(answer.code) ? answer : null;
}

/** Which of several it is the client does not tell. */
function serversOf(connect = ""): string {
  // Each address may be there several times, so that the client finds it sooner.
  const hosts = connect.slice(0, connect.length - chrootOf(connect).length);
  const servers = [...new Set(hosts.split(","))].join(", ");
  if (servers === "") return "The server";
  return servers.includes(",") ? `One of the servers ${servers}` : `The server at ${servers}`;
}

/** What "/" is to this client. */
function readTop(link: Link): Promise<Reply<unknown>> {
  return link.request((calls, done) => calls.a_get("/", false, (code) => done(code, null)));
}

function authenticate(link: Link, { scheme, credentials }: DigestAuth): Promise<Reply<unknown>> {
  return link.request((_calls, done, client) => client.add_auth(scheme, credentials, (code) => done(code, null)));
}

function refusal(code: number | undefined): LockError | null {
  if (code === Code.authFailed) return new AccessDeniedError("ZooKeeper refused the credentials of the `auth` option.");
  if (code !== Code.saslRequired) return null;
  return new AccessDeniedError(
    "This ZooKeeper demands an authentication that the `zookeeper` package cannot give (SASL or TLS).",
  );
}
