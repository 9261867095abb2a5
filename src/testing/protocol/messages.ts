import type { Acl, Stat } from "../../zookeeper/client/client.js";

/** What a client asks. The names of the operations are the ones that `dropReply` takes. */
export type Request = Read | Write | Multi | Watching | Housekeeping;

export type Read =
  | { readonly op: "get" | "exists" | "children"; readonly path: string; readonly watch: boolean }
  | { readonly op: "getAcl" | "sync"; readonly path: string };

export type Write =
  | {
      readonly op: "create";
      readonly path: string;
      readonly data: Buffer;
      readonly flags: number;
      /** Absent: open to everybody. */
      readonly acl?: readonly Acl[];
    }
  | { readonly op: "delete"; readonly path: string; readonly version: number }
  | { readonly op: "set"; readonly path: string; readonly data: Buffer; readonly version: number }
  | { readonly op: "setAcl"; readonly path: string; readonly version: number; readonly acl: readonly Acl[] }
  /** Changes nothing; refused if the version is another one. */
  | { readonly op: "check"; readonly path: string; readonly version: number };

/** Writes that are carried out together or not at all. */
export interface Multi {
  readonly op: "multi";
  readonly parts: readonly Write[];
}

/** What a client asks of the watches that it has left. The package's client knows none of it. */
export type Watching =
  | { readonly op: "checkWatches" | "removeWatches"; readonly path: string; readonly kind: WatchKind }
  /** A watch that stands until it is removed, on the node or on all below it too. */
  | { readonly op: "addWatch"; readonly path: string; readonly isRecursive: boolean };

export type WatchKind = "children" | "data" | "any";

export type Housekeeping =
  | { readonly op: "whoAmI" }
  | { readonly op: "auth"; readonly scheme: string; readonly secret: string }
  | ({ readonly op: "setWatches"; readonly seenZxid: number } & WatchedPaths & StandingPaths)
  | { readonly op: "ping" }
  | { readonly op: "close" };

export interface WatchedPaths {
  readonly data: readonly string[];
  readonly exists: readonly string[];
  readonly children: readonly string[];
}

/** The paths of watches that stand. */
export interface StandingPaths {
  readonly persistent?: readonly string[];
  readonly recursive?: readonly string[];
}

export type Operation = Request["op"];

/** What a client says first on each connection; session "0" asks for a new one. */
export interface Hello {
  readonly op: "hello";
  readonly sessionId: string;
  readonly password: string;
  readonly timeoutMs: number;
  readonly seenZxid: number;
}

export type Upward =
  | Hello
  | { readonly op: "request"; readonly xid: number; readonly request: Request }
  /** The client has closed its end. */
  | { readonly op: "bye" };

/** The numbers of messages that belong to no request in the queue. */
export const Xid = { ping: -2, auth: -4, setWatches: -8 } as const;

/** What a server found: the parts that the operation has. */
export interface Result {
  readonly code: number;
  readonly path?: string;
  readonly stat?: Stat;
  readonly data?: Buffer;
  readonly children?: string[];
  readonly acl?: readonly Acl[];
  /** Of a multi, one for each part. If one of them has failed, none was carried out. */
  readonly results?: readonly Result[];
  readonly credentials?: readonly { readonly scheme: string; readonly id: string }[];
}

export type WatchEvent = "created" | "deleted" | "changed" | "child";

export type Downward =
  /** Session "0": the session asked for has expired, or the password was wrong. */
  | { readonly type: "welcome"; readonly sessionId: string; readonly password: string; readonly timeoutMs: number }
  | { readonly type: "reply"; readonly xid: number; readonly zxid: number; readonly result: Result }
  | { readonly type: "event"; readonly event: WatchEvent; readonly path: string }
  | { readonly type: "end" };

/** The server closes the connection of whoever sends more at once: its jute.maxbuffer, in bytes. */
export const LONGEST_MESSAGE = 0xfffff;

/** Roughly how long a request is on the wire, in bytes; what cannot be long counts as nothing. */
export function lengthOf(request: Request): number {
  if ("data" in request && "path" in request) return request.path.length + request.data.length;
  if (request.op !== "setWatches") return 0;
  return [request.data, request.exists, request.children].flat().reduce((sum, path) => sum + path.length + 4, 0);
}
