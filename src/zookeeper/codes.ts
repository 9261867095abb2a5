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
