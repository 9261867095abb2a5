import { nameOf, parentOf } from "../protocol/path.js";
import type { Nodes } from "./leader.js";
import type { Transaction } from "./transaction.js";
import { Znode } from "./znode.js";

/** The tree as it would be after the parts of a multi that have been decided on; the tree itself does not change. */
export class Draft implements Nodes {
  /** Nodes that differ from the tree's; undefined: deleted. */
  readonly #changed = new Map<string, Znode | undefined>();

  constructor(private readonly tree: Nodes) {}

  get(path: string): Znode | undefined {
    return this.#changed.has(path) ? this.#changed.get(path) : this.tree.get(path);
  }

  apply(transaction: Transaction): void {
    const { zxid, timeMs } = transaction;
    switch (transaction.type) {
      case "create": {
        const { path, data, owner, isContainer, acl, creates } = transaction;
        const parent = this.#own(parentOf(path));
        parent.creates = Math.max(parent.creates, creates);
        parent.pzxid = zxid;
        parent.children.add(nameOf(path));
        const node = new Znode(zxid, timeMs, data, owner, isContainer);
        this.#changed.set(path, acl === undefined ? node : Object.assign(node, { acl }));
        return;
      }
      case "delete": {
        const parent = this.#own(parentOf(transaction.path));
        parent.pzxid = zxid;
        parent.children.delete(nameOf(transaction.path));
        this.#changed.set(transaction.path, undefined);
        return;
      }
      case "set": {
        const node = this.#own(transaction.path);
        Object.assign(node, { data: transaction.data, version: node.version + 1, mzxid: zxid, mtimeMs: timeMs });
        return;
      }
      case "setAcl": {
        const node = this.#own(transaction.path);
        Object.assign(node, { acl: transaction.acl, aversion: node.aversion + 1 });
        return;
      }
      case "nothing":
        return;
      case "multi":
      case "endSession":
        throw new Error(`draft-of-parts: "${transaction.type}" is no part of a multi.`);
      default:
        transaction satisfies never;
    }
  }

  /** The node, as one that may be changed. The leader has looked at it before. */
  #own(path: string): Znode {
    const node = this.#changed.get(path) ?? this.tree.get(path)?.copy();
    if (node === undefined) throw new Error(`draft-without-node: a part names ${path}, which is not there.`);
    this.#changed.set(path, node);
    return node;
  }
}
