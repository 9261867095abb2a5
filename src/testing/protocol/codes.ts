/** The codes of ZooKeeper's server and C client that the in-memory one can answer, with the texts of the C client. */
const texts = {
  ok: [0, "ok"],
  runtimeInconsistency: [-2, "run time inconsistency"],
  connectionLoss: [-4, "connection loss"],
  unimplemented: [-6, "unimplemented"],
  operationTimeout: [-7, "operation timeout"],
  badArguments: [-8, "bad arguments"],
  invalidState: [-9, "invalid zhandle state"],
  noNode: [-101, "no node"],
  noAuth: [-102, "not authenticated"],
  badVersion: [-103, "bad version"],
  noChildrenForEphemerals: [-108, "no children for ephemerals"],
  nodeExists: [-110, "node exists"],
  notEmpty: [-111, "not empty"],
  sessionExpired: [-112, "session expired"],
  invalidAcl: [-114, "invalid acl"],
  authFailed: [-115, "authentication failed"],
  closing: [-116, "zookeeper is closing"],
  sessionMoved: [-118, "session moved to another server, so operation is ignored"],
  noWatcher: [-121, "the watcher couldn't be found"],
  notReadOnly: [-119, "state-changing request is passed to read-only server"],
} as const satisfies Record<string, readonly [number, string]>;

type CodeName = keyof typeof texts;

export const Code = Object.fromEntries(Object.entries(texts).map(([name, [code]]) => [name, code])) as {
  readonly [Name in CodeName]: (typeof texts)[Name][0];
};

const textOfCode = new Map<number, string>(Object.values(texts).map(([code, text]) => [code, text]));

/** What the C client says for a code. */
export function textOf(code: number): string {
  return textOfCode.get(code) ?? "unknown error";
}

/** The flags of a create. */
export const Flag = { ephemeral: 1, sequence: 2, container: 4 } as const;

/** The bits of an ACL entry's `perms`. */
export const Perm = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;

/** The states of a client, as its `state` says them. After a failed send it is `broken`, after a close 0 again. */
export const State = { none: 0, connecting: 1, associating: 2, connected: 3, broken: 999 } as const;

/** What a session timeout and a refused credential look like as a client's last state, given with its `close` event. */
export const EndState = { closed: 0, expired: -112, authFailed: -113 } as const;
