import { type Credential, allows, shownAcl } from "./acl.js";
import { Code, Perm } from "../protocol/codes.js";
import type { Read, Result, StandingPaths, WatchedPaths, Watching } from "../protocol/messages.js";
import type { Random } from "../time/random.js";
import type { Transaction } from "./transaction.js";
import { Tree } from "./tree.js";
import { type Watcher, WatchTable } from "./watch-table.js";

/** One server of the ensemble: its own copy of the tree, the watches of the clients connected to it, and its reads. */
export class Server {
  readonly watches = new WatchTable();
  readonly tree = new Tree((event, path) => this.watches.trigger(event, path));
  #zxid: number;

  /** @param index its place in the ensemble; 0 leads */
  constructor(
    readonly index: number,
    firstZxid: number,
    private readonly random: Random,
  ) {
    this.#zxid = firstZxid;
  }

  /** The last transaction that this server has done. */
  get zxid(): number {
    return this.#zxid;
  }

  apply(transaction: Transaction): void {
    this.#zxid = transaction.zxid;
    this.tree.apply(transaction);
  }

  /** Answers a read from this server's own copy, and leaves the watch that was asked for. */
  read(request: Read, sessionId: string, credentials: readonly Credential[], watcher: Watcher): Result {
    const { op, path } = request;
    if (op === "sync") return { code: Code.ok, path };
    const node = this.tree.get(path);
    if (node === undefined) {
      if (op === "exists" && request.watch) this.watches.data.add(path, watcher);
      return { code: Code.noNode };
    }
    const needed = op === "exists" ? 0 : op === "getAcl" ? Perm.read | Perm.admin : Perm.read;
    if (needed !== 0 && !allows(node.acl, needed, credentials)) return { code: Code.noAuth };
    const stat = node.stat(sessionId);
    if (op === "getAcl") return { code: Code.ok, acl: shownAcl(node.acl, credentials), stat };
    if ("watch" in request && request.watch) this.watches[op === "children" ? "children" : "data"].add(path, watcher);
    switch (op) {
      case "get":
        return { code: Code.ok, stat, data: Buffer.from(node.data) };
      case "exists":
        return { code: Code.ok, stat };
      case "children":
        // A real server lists in the order of a hash table: nobody shall rely on any.
        return { code: Code.ok, stat, children: this.random.shuffle([...node.children]) };
      default:
        return op satisfies never;
    }
  }

  /**
   * Looks after the watches that a client has left: whether there are any, and takes them off, or leaves one that
   * stands.
   */
  watch(request: Watching, watcher: Watcher): Result {
    const { path } = request;
    if (request.op === "addWatch") {
      this.watches[request.isRecursive ? "recursive" : "persistent"].add(path, watcher);
      return { code: Code.ok };
    }
    const found = this.watches.named(request.kind).filter((watches) => watches.has(path, watcher));
    if (request.op === "removeWatches") for (const watches of found) watches.remove(path, watcher);
    return { code: found.length === 0 ? Code.noWatcher : Code.ok };
  }

  /**
   * Puts the watches of a reconnected client back, and tells it at once what it missed. What is compared is the stat,
   * so a node that was deleted and made anew has "changed", and one that came and went was never there.
   */
  rewatch(
    { data, exists, children, persistent = [], recursive = [] }: WatchedPaths & StandingPaths,
    seenZxid: number,
    watcher: Watcher,
  ): void {
    for (const path of persistent) this.watches.persistent.add(path, watcher);
    for (const path of recursive) this.watches.recursive.add(path, watcher);
    for (const path of data) {
      const node = this.tree.get(path);
      if (node === undefined) watcher.notify("deleted", path);
      else if (node.mzxid > seenZxid) watcher.notify("changed", path);
      else this.watches.data.add(path, watcher);
    }
    for (const path of exists) {
      if (this.tree.get(path) !== undefined) watcher.notify("created", path);
      else this.watches.data.add(path, watcher);
    }
    for (const path of children) {
      const node = this.tree.get(path);
      if (node === undefined) watcher.notify("deleted", path);
      else if (node.pzxid > seenZxid) watcher.notify("child", path);
      else this.watches.children.add(path, watcher);
    }
  }
}
