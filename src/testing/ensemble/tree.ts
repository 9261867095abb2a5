import { parentOf, nameOf } from "../protocol/path.js";
import type { Transaction } from "./transaction.js";
import { NOBODY, Znode } from "./znode.js";

export type NodeEvent = "created" | "deleted" | "changed";
type Observer = (event: NodeEvent, path: string) => void;

const NO_DATA = Buffer.alloc(0);
const SYSTEM_PATHS = ["/zookeeper", "/zookeeper/config", "/zookeeper/quota"];

/** One server's copy of the tree. It changes by transactions only, and tells what each of them did. */
export class Tree {
  readonly #nodes = new Map<string, Znode>();
  readonly #ephemerals = new Map<string, Set<string>>();
  readonly #containers = new Set<string>();

  /** @param observe is called for each node that came, went or changed, after the fact */
  constructor(private readonly observe: Observer) {
    for (const path of ["/", ...SYSTEM_PATHS]) this.#add(path, new Znode(0, 0, NO_DATA, NOBODY, false));
  }

  get(path: string): Znode | undefined {
    return this.#nodes.get(path);
  }

  /** How many nodes there are. */
  get size(): number {
    return this.#nodes.size;
  }

  get paths(): Iterable<string> {
    return this.#nodes.keys();
  }

  get containers(): Iterable<string> {
    return this.#containers;
  }

  /** The nodes that end with this session, in the order they were made. */
  ephemeralsOf(sessionId: string): readonly string[] {
    return [...(this.#ephemerals.get(sessionId) ?? [])];
  }

  apply(transaction: Transaction): void {
    switch (transaction.type) {
      case "create":
        return this.#create(transaction);
      case "delete":
        return this.#delete(transaction.path, transaction.zxid);
      case "set": {
        const node = this.#node(transaction.path);
        node.data = transaction.data;
        node.version++;
        node.mzxid = transaction.zxid;
        node.mtimeMs = transaction.timeMs;
        return this.observe("changed", transaction.path);
      }
      case "setAcl": {
        const node = this.#node(transaction.path);
        node.acl = transaction.acl;
        node.aversion++;
        return;
      }
      case "endSession":
        for (const path of this.ephemeralsOf(transaction.sessionId)) this.#delete(path, transaction.zxid);
        return;
      case "multi": {
        const { zxid, timeMs } = transaction;
        for (const change of transaction.changes) this.apply({ zxid, timeMs, ...change });
        return;
      }
      case "nothing":
        return;
      default:
        transaction satisfies never;
    }
  }

  #create({ path, data, owner, isContainer, acl, creates, zxid, timeMs }: Transaction & { type: "create" }): void {
    const parent = this.#node(parentOf(path));
    // Past 2^31 the leader's counter is negative, and the stored one stays where it was, as on a real server.
    if (creates > parent.creates) parent.creates = creates;
    parent.pzxid = zxid;
    const node = new Znode(zxid, timeMs, data, owner, isContainer);
    if (acl !== undefined) node.acl = acl;
    this.#add(path, node);
    this.observe("created", path);
  }

  #add(path: string, node: Znode): void {
    this.#nodes.set(path, node);
    if (path !== "/") this.#node(parentOf(path)).children.add(nameOf(path));
    if (node.isContainer) this.#containers.add(path);
    if (!node.isEphemeral) return;
    const siblings = this.#ephemerals.get(node.owner);
    if (siblings === undefined) this.#ephemerals.set(node.owner, new Set([path]));
    else siblings.add(path);
  }

  #delete(path: string, zxid: number): void {
    const node = this.#node(path);
    const parent = this.#node(parentOf(path));
    this.#nodes.delete(path);
    parent.children.delete(nameOf(path));
    parent.pzxid = zxid;
    if (node.isContainer) this.#containers.delete(path);
    const siblings = this.#ephemerals.get(node.owner);
    siblings?.delete(path);
    if (siblings?.size === 0) this.#ephemerals.delete(node.owner);
    this.observe("deleted", path);
  }

  #node(path: string): Znode {
    const node = this.#nodes.get(path);
    if (node === undefined) throw new Error(`tree-without-node: a transaction names ${path}, which is not there.`);
    return node;
  }
}
