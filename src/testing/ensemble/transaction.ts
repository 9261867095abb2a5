import type { Acl } from "../../zookeeper/client/client.js";

/** What the leader has decided, and every server does in the same order. */
export type Transaction = { readonly zxid: number; readonly timeMs: number } & Change;

export type Change =
  | {
      readonly type: "create";
      readonly path: string;
      readonly data: Buffer;
      readonly owner: string;
      readonly isContainer: boolean;
      /** Absent: open to everybody. */
      readonly acl?: readonly Acl[];
      /** The parent's create counter afterwards. */
      readonly creates: number;
    }
  | { readonly type: "delete"; readonly path: string }
  | { readonly type: "set"; readonly path: string; readonly data: Buffer }
  | { readonly type: "setAcl"; readonly path: string; readonly acl: readonly Acl[] }
  | { readonly type: "endSession"; readonly sessionId: string }
  /** Several in one: they have one zxid. */
  | { readonly type: "multi"; readonly changes: readonly Change[] }
  /** Takes a zxid and changes nothing: a new session, a request that was refused. */
  | { readonly type: "nothing" };
