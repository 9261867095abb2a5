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
      /** The parent's create counter afterwards. */
      readonly creates: number;
    }
  | { readonly type: "delete"; readonly path: string }
  | { readonly type: "set"; readonly path: string; readonly data: Buffer }
  | { readonly type: "setAcl"; readonly path: string; readonly acl: readonly Acl[] }
  | { readonly type: "endSession"; readonly sessionId: string }
  /** Takes a zxid and changes nothing: a new session, a request that was refused. */
  | { readonly type: "nothing" };
