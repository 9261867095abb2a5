/** The codes of ZooKeeper's C client that we tell apart. Anything else is a refusal with a number. */
export const Code = {
  ok: 0,
  runtimeInconsistency: -2,
  connectionLoss: -4,
  operationTimeout: -7,
  invalidState: -9,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  authFailed: -115,
  closing: -116,
  sessionMoved: -118,
  saslRequired: -124,
} as const;

/** The client's states, as its `state` property gives them. */
export const ClientState = { notStarted: 0, connecting: 1, connected: 3 } as const;

const UNKNOWN_OUTCOMES = new Set<number>([
  Code.runtimeInconsistency,
  Code.connectionLoss,
  Code.operationTimeout,
  Code.invalidState,
  // Requests that are pending at a close or at an expiry get these two, carried out or not.
  Code.closing,
  Code.sessionExpired,
  Code.sessionMoved,
]);

/** True where the request may have been carried out, or may not. */
export function isUnknownOutcome(code: number): boolean {
  return UNKNOWN_OUTCOMES.has(code);
}

/** True where a server spoke: the request has been heard, whatever the answer. */
export function isServerAnswer(code: number): boolean {
  return !isUnknownOutcome(code) && (code === Code.ok || code < -100);
}

/** Answers that a server gives by itself: that the others have heard us they do not show. */
const ANSWERS_OF_ONE = new Set([-119, -120, -122, -127]);

/** True where the answer to a write shows that the quorum has heard us. */
export function provesQuorum(code: number): boolean {
  return isServerAnswer(code) && !ANSWERS_OF_ONE.has(code);
}

/** ZooKeeper's names of its codes, and what to do about those that its users can do something about. */
const REFUSALS: Readonly<Record<number, readonly [name: string, advice?: string]>> = {
  [-2]: ["RUNTIMEINCONSISTENCY"],
  [-3]: ["DATAINCONSISTENCY", "The server has found its own data in disorder: look at its log."],
  [-4]: ["CONNECTIONLOSS"],
  [-5]: [
    "MARSHALLINGERROR",
    "The request could not be read or written: is it longer than the servers' jute.maxbuffer?",
  ],
  [-6]: ["UNIMPLEMENTED", "The server is too old for it: containers need ZooKeeper 3.5.1 or later."],
  [-7]: ["OPERATIONTIMEOUT"],
  [-8]: ["BADARGUMENTS", "The path is none that ZooKeeper takes: look at rootDir."],
  [-9]: ["INVALIDSTATE"],
  [-101]: ["NONODE", "Something above it is missing, or somebody deletes what we make."],
  [-102]: ["NOAUTH"],
  [-103]: ["BADVERSION"],
  [-108]: [
    "NOCHILDRENFOREPHEMERALS",
    "What stands there is an ephemeral node: choose another rootDir, or another name.",
  ],
  [-110]: ["NODEEXISTS"],
  [-111]: ["NOTEMPTY"],
  [-112]: ["SESSIONEXPIRED"],
  [-114]: ["INVALIDACL", "The session has not authenticated as anybody: is the `auth` option right?"],
  [-115]: ["AUTHFAILED"],
  [-116]: ["CLOSING"],
  [-118]: ["SESSIONMOVED"],
  [-119]: ["NOTREADONLY", "The server has lost its quorum, and only lets itself be read: are the others running?"],
  [-120]: ["EPHEMERALONLOCALSESSION", "Tickets need a global session: turn localSessionsEnabled off on the servers."],
  [-122]: ["REQUESTTIMEOUT", "The servers take too long: look at their load."],
  [-124]: ["SESSIONCLOSEDREQUIRESASLAUTH"],
  [-125]: [
    "QUOTAEXCEEDED",
    "A quota of nodes or bytes is used up: look at it with `listquota` in zkCli, and raise it or make room.",
  ],
  [-127]: ["THROTTLEDOP", "The server has more requests than it takes: try again later, and look at its load."],
};

/** A code by its name. */
export function codeName(code: number): string {
  return `${REFUSALS[code]?.[0] ?? "an unknown code"} (${code})`;
}

/** What to do about a refusal, as a sentence with a space in front; nothing where there is nothing to say. */
export function adviceOn(code: number): string {
  const advice = REFUSALS[code]?.[1];
  return advice === undefined ? "" : ` ${advice}`;
}
