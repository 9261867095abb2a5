import { bool, bytes, type Encoded, int, list, long, number, record, text } from "./codec.js";

const hello = {
  protocolVersion: int,
  /** The latest transaction that the client has seen: a server that lags behind it refuses. */
  lastZxidSeen: long,
  timeoutMs: int,
  /** 0: a new session. */
  sessionId: long,
  password: bytes,
};

/** What a client says first, and what the server answers (ZooKeeper's `zookeeper.jute`, as of 3.4: with `readOnly`). */
export const connectRequest = record({ ...hello, readOnly: bool });

/** As clients say it that know nothing of read-only servers. */
export const earlyConnectRequest = record(hello);

export const connectReply = record({
  protocolVersion: int,
  /** 0: the session is over. */
  timeoutMs: int,
  sessionId: long,
  password: bytes,
});

export const requestHeader = record({ xid: int, operation: int });

export const replyHeader = record({ xid: int, zxid: long, code: int });

export const acl = record({ permissions: int, scheme: text, id: text });
export const acls = list(acl);
export type WireAcl = Encoded<typeof acl>;

export const stat = record({
  czxid: number,
  mzxid: number,
  ctime: number,
  mtime: number,
  version: int,
  cversion: int,
  aversion: int,
  /** 0: the node is not ephemeral. */
  ephemeralOwner: long,
  dataLength: int,
  numChildren: int,
  pzxid: number,
});
export type WireStat = Encoded<typeof stat>;

export const watcherEvent = record({ type: int, state: int, path: text });

/** What a watcher event tells of a node. */
export const WATCHER_EVENTS = { created: 1, deleted: 2, changed: 3, child: 4 } as const;
export type NodeEvent = keyof typeof WATCHER_EVENTS;

/** The xids of messages that stand outside the order of requests and replies. */
export const Xid = { event: -1, ping: -2, auth: -4 } as const;
