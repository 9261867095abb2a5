import type { Clock } from "../../common/clock.js";

/**
 * The part of a `zookeeper` client that we use, described by its shape: the real package and `zk-lock-manager/testing`'s
 * in-memory one both fit. A callback gets the server's code first (0 is success); a negative *return value* of a call means
 * that its callback will never come.
 */
export interface PackageClient {
  /** 0 not started, 1 connecting, 2 associating, 3 connected, 999 (or negative) not usable any more. */
  readonly state: number;
  /** The session's id, in hexadecimal; "0" before the first connect. */
  readonly client_id: string;
  readonly client_password: string;
  /** The negotiated session timeout in milliseconds; before the first connect, the one asked for. */
  readonly timeout: number;
  config?: ClientConfig | undefined;
  /** The clock this client lives by: the in-memory client's virtual one. Absent: the machine's. */
  readonly clock?: Clock;
  /** The binding below the JavaScript wrapper, where there is one. */
  readonly native?: ClientCalls;

  init(config: ClientConfig): unknown;
  close(): unknown;
  on(event: string, listener: (...args: never[]) => void): unknown;
  removeListener(event: string, listener: (...args: never[]) => void): unknown;

  a_create(path: string, data: Buffer, flags: number, done: PathCallback): number;
  a_exists(path: string, watch: boolean, done: StatCallback): number;
  a_get(path: string, watch: boolean, done: DataCallback): number;
  a_get_children2(path: string, watch: boolean, done: ChildrenCallback): number;
  a_set(path: string, data: Buffer, version: number, done: StatCallback): number;
  a_delete_(path: string, version: number, done: VoidCallback): number;
  a_sync(path: string, done: PathCallback): number;
  a_get_acl(path: string, done: AclCallback): number;
  a_set_acl(path: string, version: number, acl: readonly Acl[], done: VoidCallback): number;
  add_auth(scheme: string, credentials: string, done: VoidCallback): number;
}

/**
 * A client as `init` takes it. The types that the `zookeeper` package comes with are not those of its values (a session's id is
 * no number), so only the names are asked for; what is behind them is PackageClient.
 */
export type ZooKeeperClient = Readonly<
  Record<
    | "state"
    | "client_id"
    | "client_password"
    | "timeout"
    | "init"
    | "close"
    | "on"
    | "removeListener"
    | "a_create"
    | "a_get"
    | "a_get_children2"
    | "a_set"
    | "a_delete_"
    | "a_sync"
    | "a_get_acl"
    | "a_set_acl"
    | "add_auth",
    unknown
  >
>;

/** The binding's own calls: as the wrapper's, but for ACL entries, which it spells differently (so that one is left out). */
export type ClientCalls = Pick<
  PackageClient,
  "state" | "a_create" | "a_exists" | "a_get" | "a_get_children2" | "a_set" | "a_delete_" | "a_sync"
>;

export interface ClientConfig {
  /** `host:port,host:port` */
  connect?: string;
  /** The session timeout to ask for, in milliseconds. */
  timeout?: number;
  /** The id of a session to take over, in hexadecimal, with its password. */
  client_id?: string;
  /** The password of the session to take over: 32 hexadecimal digits. */
  client_password?: string;
  /** How many partial reads of one reply the client bears before it closes itself. */
  response_counter_limit?: number;
  /** Whether servers are tried in the order in which they are listed. */
  host_order_deterministic?: boolean;
  /** How much the C client writes to stderr: 0 (nothing) to 4 (everything). */
  debug_level?: number;
}

export interface Stat {
  readonly czxid: number;
  readonly mzxid: number;
  readonly pzxid: number;
  readonly ctime: Date;
  readonly mtime: Date;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  /** The owning session's id in hexadecimal, "0" for a node that is not ephemeral. */
  readonly ephemeralOwner: string;
  readonly dataLength: number;
  readonly numChildren: number;
}

export interface Acl {
  readonly perms: number;
  readonly scheme: string;
  readonly auth: string;
}

export type VoidCallback = (code: number, message: string) => void;
export type PathCallback = (code: number, message: string, path: string) => void;
export type StatCallback = (code: number, message: string, stat: Stat | null) => void;
export type DataCallback = (code: number, message: string, stat: Stat | null, data: Buffer | null) => void;
export type ChildrenCallback = (code: number, message: string, children: string[] | null, stat: Stat | null) => void;
export type AclCallback = (code: number, message: string, acl: readonly Acl[] | null, stat: Stat | null) => void;
