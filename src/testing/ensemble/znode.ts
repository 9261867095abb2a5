import type { Acl, Stat } from "../../zookeeper/client/client.js";

/** The owner of a node that no session owns. */
export const NOBODY = "0";

export const OPEN_ACL: readonly Acl[] = Object.freeze([Object.freeze({ perms: 31, scheme: "world", auth: "anyone" })]);

/** One node of the tree. */
export class Znode {
  readonly children = new Set<string>();
  mzxid: number;
  pzxid: number;
  mtimeMs: number;
  version = 0;
  aversion = 0;
  /**
   * Counts creates below this node, as the server stores it: the next sequence number, and what `cversion` is made of.
   */
  creates = 0;
  acl = OPEN_ACL;

  constructor(
    readonly czxid: number,
    readonly ctimeMs: number,
    public data: Buffer,
    readonly owner: string,
    readonly isContainer: boolean,
  ) {
    this.mzxid = czxid;
    this.pzxid = czxid;
    this.mtimeMs = ctimeMs;
  }

  get isEphemeral(): boolean {
    return this.owner !== NOBODY;
  }

  /** One that can be changed without changing this one. */
  copy(): Znode {
    const copy = new Znode(this.czxid, this.ctimeMs, this.data, this.owner, this.isContainer);
    for (const name of this.children) copy.children.add(name);
    const { mzxid, pzxid, mtimeMs, version, aversion, creates, acl } = this;
    return Object.assign(copy, { mzxid, pzxid, mtimeMs, version, aversion, creates, acl });
  }

  /** The stat as the server would answer it to the given session. */
  stat(sessionId: string): Stat {
    const { czxid, mzxid, pzxid, version, aversion } = this;
    return {
      czxid,
      mzxid,
      pzxid,
      dataLength: this.data.length,
      numChildren: this.children.size,
      version,
      // The server counts creates only, and works out the rest, in 32 bits.
      cversion: (this.creates * 2 - this.children.size) | 0,
      aversion,
      ctime: new Date(this.ctimeMs),
      mtime: new Date(this.mtimeMs),
      ephemeralOwner: this.owner,
      createdInThisSession: sessionId === this.owner,
    } as Stat;
  }
}
