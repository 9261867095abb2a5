import { InvalidArgumentError, type LockError } from "../../errors.js";
import { connectString, type Locator, oddConnectString } from "./addresses.js";
import type { PackageClient } from "../client/client.js";
import {
  loadPackage,
  openNativeClient,
  OUT_OF_PLACE,
  type SessionCredentials,
  UNBOUNDED_PARTIAL_READS,
} from "../client/native-client.js";
import { ServerFinder, type Trouble } from "./server-finder.js";

/** Where the clients of a manager come from. */
export interface ClientSource {
  /**
   * When a fresh client of ours takes a session over. `at-once`: whenever the connection is lost, because the client itself
   * would come back only after a third of the session timeout. `if-closed`: only where the client had to be closed, for it
   * belongs to somebody else. `never`: there is no way.
   */
  readonly takeOver: "at-once" | "if-closed" | "never";
  /** A client on its way to a new session; null: there will be no other. */
  next(): Promise<PackageClient | null>;
  /** A client on its way into the session of these credentials. */
  resume(credentials: SessionCredentials): Promise<PackageClient>;
  /** Why no session comes about, as far as it can be found out in a second or two; null: nothing is known. */
  trouble?(): Promise<Trouble | null>;
  /** A client on its way to a session of its own, beside the one that `next` gave; absent where there is no way to make one. */
  second?(): Promise<PackageClient>;
  /** The manager needs its clients no more. */
  release?(): void;
  /** How long the client of attempt 0, 1, … is given to connect, in milliseconds. */
  windowMs(attempt: number): number;
}

/** The client divides the timeout it asks for into thirds, and with less it would never connect. The server gives more anyway. */
const SHORTEST_SESSION_MS = 100;
const CLIENTS_IN_USE = Symbol.for("zk-lock-manager.clients-in-use");
const FIRST_WINDOW_MS = 1_000;
const LONGEST_WINDOW_MS = 8_000;

/** How long attempt 0, 1, … of a client of ours is given, in milliseconds. */
export function ownWindowMs(attempt: number): number {
  return Math.min(FIRST_WINDOW_MS * 2 ** attempt, LONGEST_WINDOW_MS);
}

/**
 * Sessions of our own, as many as need be: the servers are looked up anew for each client.
 * @param onLocatorFailure hears once of each outage of the locator
 */
export function ownedSource(
  servers: string | Locator,
  sessionTimeoutMs: number,
  onLocatorFailure: (error: LockError) => void,
): ClientSource {
  const finder = new ServerFinder(servers, onLocatorFailure);
  const timeoutMs = Math.max(sessionTimeoutMs, SHORTEST_SESSION_MS);
  return {
    takeOver: "at-once",
    next: async () => {
      await loadPackage();
      return openNativeClient(connectString(await finder.find()), timeoutMs);
    },
    resume: async (credentials) =>
      openNativeClient(connectString(await finder.findOrRemember()), timeoutMs, credentials),
    trouble: () => finder.trouble(),
    windowMs: ownWindowMs,
  };
}

/**
 * The one session of a client that belongs to the caller; the client is started here if nobody has.
 * @throws InvalidArgumentError for a client that is closed, cannot be started, or is another manager's
 */
export function adoptedSource(client: PackageClient): ClientSource {
  if (client.native !== undefined && OUT_OF_PLACE !== null) throw new InvalidArgumentError(OUT_OF_PLACE);
  if (clientsInUse().has(client)) {
    throw new InvalidArgumentError(
      "Another manager has this client. Make one manager and share it, or give each manager a client of its own; after that manager's close() the client is free again.",
    );
  }
  // Not by its state: between two attempts to connect that is the same as before the first one.
  if (!(client.timeout >= 0)) start(client);
  clientsInUse().add(client);
  const connect = client.config?.connect;
  let given: PackageClient | null = client;
  return {
    takeOver: client.native !== undefined && connect !== undefined ? "if-closed" : "never",
    next: () => {
      const next = given;
      given = null;
      return Promise.resolve(next);
    },
    resume: (credentials) => openNativeClient(oddConnectString(connect ?? ""), credentials.timeoutMs, credentials),
    ...(connect !== undefined && { second: () => openNativeClient(oddConnectString(connect), client.timeout) }),
    release: () => void clientsInUse().delete(client),
    // Its owner decides how long it may take.
    windowMs: () => Infinity,
  };
}

/** The clients that managers have, of this copy of the package or another one in the same process. */
function clientsInUse(): WeakSet<object> {
  const shared = globalThis as unknown as Record<symbol, WeakSet<object> | undefined>;
  return (shared[CLIENTS_IN_USE] ??= new WeakSet());
}

function start(client: PackageClient): void {
  const hasLived = client.client_id !== "0";
  if (hasLived || client.config === undefined) {
    throw new InvalidArgumentError(
      hasLived
        ? "This client has been closed; its session is over. Make a fresh one."
        : "This client has no configuration to start with: give it one, or call its init or connect first.",
    );
  }
  // Its own limit on the pieces of a reply would cost it the session, and every hold in it, on one look at a long queue.
  if (client.native !== undefined) {
    client.config = { response_counter_limit: UNBOUNDED_PARTIAL_READS, ...client.config };
  }
  client.init({});
}
