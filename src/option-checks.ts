import { createSecureContext } from "node:tls";
import { inspect } from "node:util";
import { checkResource, checkRootDir } from "./common/resource-path.js";
import { InvalidArgumentError } from "./errors.js";
import type {
  AcquireOptions,
  ConnectOptions,
  LockOptions,
  ManagerOptions,
  Reentrancy,
  SemaphoreOptions,
  SlotOptions,
  TlsOptions,
} from "./options.js";

/** The protocol has 31 bits for a session timeout. */
const LONGEST_SESSION_TIMEOUT_MS = 2 ** 31 - 1;
/** Each resource of a multi-lock costs a ticket and, while it waits, a watch. */
const MAX_RESOURCES = 1_000;
const MAX_IDENTITY_BYTES = 1024;

const MANAGER_OPTIONS = ["rootDir", "acquireTimeout", "identity", "auth", "sequenceLimit"];
const CONNECT_OPTIONS = [...MANAGER_OPTIONS, "sessionTimeout", "connectTimeout", "client", "tls"];
const TLS_OPTIONS = [
  "ca",
  "cert",
  "key",
  "passphrase",
  "pfx",
  "servername",
  "rejectUnauthorized",
] satisfies (keyof TlsOptions)[];
const LOCK_OPTIONS = ["rootDir", "acquireTimeout", "failImmediate", "reentrancy"];
const ACQUIRE_OPTIONS = ["timeout", "signal"];
const REENTRANCIES: readonly unknown[] = ["process", "task", "none"] satisfies Reentrancy[];

/** @throws InvalidArgumentError */
export function checkConnectOptions(options: ConnectOptions): void {
  checkKnown("ZkLockManager.connect", options, CONNECT_OPTIONS);
  checkTime("sessionTimeout", options.sessionTimeout, 1);
  if ((options.sessionTimeout ?? 0) > LONGEST_SESSION_TIMEOUT_MS) {
    throw new InvalidArgumentError(
      `sessionTimeout is at most ${LONGEST_SESSION_TIMEOUT_MS} ms, as ZooKeeper writes it, ` +
        `not ${options.sessionTimeout}.`,
    );
  }
  checkTime("connectTimeout", options.connectTimeout, 1);
  checkClient(options);
}

function checkClient({ client, tls, auth }: ConnectOptions): void {
  if (client !== undefined && !["wire", "zookeeper"].includes(client)) {
    throw new InvalidArgumentError(`client is "wire" or "zookeeper", not ${inspect(client)}.`);
  }
  if (auth?.scheme === "x509" && tls === undefined) {
    throw new InvalidArgumentError('auth { scheme: "x509" } takes the client certificate of the tls option: give one.');
  }
  if (tls === undefined) return;
  if (client === "zookeeper") {
    throw new InvalidArgumentError('The `zookeeper` package knows no TLS: leave client away, or make it "wire".');
  }
  if (tls === true) return;
  checkKnown("tls", tls, TLS_OPTIONS);
  try {
    createSecureContext(tls);
  } catch (cause) {
    throw new InvalidArgumentError(`The tls options cannot be used: ${(cause as Error).message}.`, { cause });
  }
}

/** @throws InvalidArgumentError */
export function checkManagerOptions(options: ManagerOptions): void {
  checkKnown("ZkLockManager", options, CONNECT_OPTIONS);
  if (options.rootDir !== undefined) checkRootDir(options.rootDir);
  checkTime("acquireTimeout", options.acquireTimeout);
  checkTime("sequenceLimit", options.sequenceLimit);
  if (options.identity !== undefined) checkIdentity(options.identity);
  if (options.auth !== undefined) checkAuth(options.auth);
}

/** @param of what takes these options, for the message @throws InvalidArgumentError */
export function checkLockOptions(options: LockOptions, of = "createLock"): void {
  checkKnown(of, options, LOCK_OPTIONS);
  if (options.rootDir !== undefined) checkRootDir(options.rootDir);
  checkTime("acquireTimeout", options.acquireTimeout);
  if (options.failImmediate !== undefined && typeof options.failImmediate !== "boolean") {
    throw new InvalidArgumentError("failImmediate is true or false.");
  }
  if (options.reentrancy !== undefined && !REENTRANCIES.includes(options.reentrancy)) {
    throw new InvalidArgumentError(
      `reentrancy is one of ${REENTRANCIES.join(", ")}, not ${inspect(options.reentrancy)}.`,
    );
  }
}

/** @throws InvalidArgumentError */
export function checkSemaphoreOptions(options: SemaphoreOptions): void {
  checkKnown("createSemaphore", options, [...LOCK_OPTIONS, "maxConcurrentHolders", "replaceLimit"]);
  const { maxConcurrentHolders, replaceLimit, ...lockOptions } = options;
  checkLockOptions(lockOptions);
  if (!Number.isSafeInteger(maxConcurrentHolders) || maxConcurrentHolders < 1) {
    throw new InvalidArgumentError(
      `maxConcurrentHolders is a whole number of at least 1, not ${inspect(maxConcurrentHolders)}.`,
    );
  }
  if (replaceLimit !== undefined && typeof replaceLimit !== "boolean") {
    throw new InvalidArgumentError("replaceLimit is true or false.");
  }
}

/** @throws InvalidArgumentError */
export function checkResources(resources: unknown): asserts resources is readonly string[] {
  if (!Array.isArray(resources) || resources.length === 0 || resources.length > MAX_RESOURCES) {
    throw new InvalidArgumentError(`A multi-lock takes a list of 1 to ${MAX_RESOURCES} resource names.`);
  }
  for (const resource of resources) checkResource(resource);
}

/** @throws InvalidArgumentError */
export function checkToken(token: unknown): asserts token is number {
  if (!Number.isSafeInteger(token) || (token as number) < 0) {
    throw new InvalidArgumentError(`A token is a safe integer of at least 0, not ${inspect(token)}.`);
  }
}

/** @throws InvalidArgumentError */
export function checkAcquireOptions(options: AcquireOptions): void {
  checkKnown("acquire or using", options, ACQUIRE_OPTIONS);
  checkTime("timeout", options.timeout);
  checkSignal(options.signal);
}

/** @throws InvalidArgumentError */
export function checkSlotOptions(options: SlotOptions): void {
  checkKnown("slot", options, ["signal"]);
  checkSignal(options.signal);
}

function checkSignal(signal: unknown): void {
  if (signal !== undefined && !isAbortSignal(signal)) {
    throw new InvalidArgumentError("signal is an AbortSignal.");
  }
}

/** Told by its shape: a signal of another realm, or of a browser-like environment, is of another class. */
function isAbortSignal(signal: unknown): boolean {
  if (typeof signal !== "object" || signal === null) return false;
  const { aborted, addEventListener, removeEventListener, throwIfAborted } = signal as Partial<AbortSignal>;
  const methods: unknown[] = [addEventListener, removeEventListener, throwIfAborted];
  return typeof aborted === "boolean" && methods.every((method) => typeof method === "function");
}

/** @param of what takes these options, for the message */
function checkKnown(of: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new InvalidArgumentError(`The options of ${of} are an object, not ${inspect(options, { depth: 0 })}.`);
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`There is no option "${unknown}"; there are ${known.join(", ")}.`);
  }
}

/** @throws InvalidArgumentError */
export function checkTime(name: string, value: unknown, leastMs = 0): void {
  if (value === undefined) return;
  if (typeof value !== "number" || !Number.isFinite(value) || value < leastMs) {
    throw new InvalidArgumentError(`${name} is a finite number of at least ${leastMs}, not ${inspect(value)}.`);
  }
}

function checkIdentity(identity: unknown): void {
  const isFlat =
    typeof identity === "object" &&
    identity !== null &&
    !Array.isArray(identity) &&
    Object.values(identity).every((value) => typeof value === "string" || typeof value === "number");
  if (!isFlat) throw new InvalidArgumentError("identity is an object of strings and numbers.");
  if (Buffer.byteLength(JSON.stringify(identity)) > MAX_IDENTITY_BYTES) {
    throw new InvalidArgumentError(`identity has at most ${MAX_IDENTITY_BYTES} bytes as JSON.`);
  }
}

function checkAuth(auth: unknown): void {
  const { scheme, credentials } = (auth ?? {}) as { scheme?: unknown; credentials?: unknown };
  if (scheme === "x509" && credentials === undefined) return;
  const wellFormed = typeof credentials === "string" && /^[^:\0]+:[^\0]*$/.test(credentials);
  if (scheme !== "digest" || !wellFormed) {
    throw new InvalidArgumentError(
      'auth is { scheme: "digest", credentials: "user:password" }, or { scheme: "x509" }.',
    );
  }
}
