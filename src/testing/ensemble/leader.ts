import { type Credential, allows, storedAcl } from "./acl.js";
import { Code, Flag, Perm } from "../protocol/codes.js";
import type { Write } from "../protocol/messages.js";
import { childOf, isServerPath, nameOf, parentOf } from "../protocol/path.js";
import type { Change } from "./transaction.js";
import { NOBODY, type Znode } from "./znode.js";

/** On whose behalf a write is made. */
export interface Author {
  readonly sessionId: string;
  /** null: an administrator, whom no ACL stops. */
  readonly credentials: readonly Credential[] | null;
}

/** Where the leader looks nodes up. */
export interface Nodes {
  get(path: string): Znode | undefined;
}

/** A decided write, or the code of its refusal. */
export type Decision = Change | { readonly type: "refused"; readonly code: number };

const LARGEST_SEQUENCE = 2 ** 31 - 1;
const SEQUENCE_DIGITS = 10;

/** Decides on writes as the first stage of a real leader does, check by check in its order. */
export class Leader {
  /** Directories whose create counter has just run past 2^31. */
  readonly #overflown = new Map<string, { next: number; atMs: number }>();

  constructor(
    private readonly tree: Nodes,
    private readonly nowMs: () => number,
  ) {}

  /** @param nodes what the write finds: not yet the tree, where it is a part of a multi and others stand before it */
  decide(write: Write, author: Author, nodes: Nodes = this.tree): Decision {
    switch (write.op) {
      case "create":
        return this.#create(write, author, nodes);
      case "delete":
        return this.#delete(write, author, nodes);
      case "set":
        return this.#change(nodes, write, author, Perm.write, (node) => node.version, {
          type: "set",
          path: write.path,
          data: write.data,
        });
      case "setAcl": {
        if (!isServerPath(write.path)) return refuse(Code.badArguments);
        const acl = storedAcl(write.acl, author.credentials ?? []);
        if (acl === null) return refuse(Code.invalidAcl);
        return this.#change(nodes, write, author, Perm.admin, (node) => node.aversion, {
          type: "setAcl",
          path: write.path,
          acl,
        });
      }
      case "check":
        return this.#change(nodes, write, author, Perm.read, (node) => node.version, { type: "nothing" });
      default:
        return write satisfies never;
    }
  }

  #create({ path, data, flags, acl }: Write & { op: "create" }, author: Author, nodes: Nodes): Decision {
    const isContainer = flags === Flag.container;
    if (flags < 0 || flags > Flag.container) return refuse(Code.badArguments);
    if (!isServerPath((flags & Flag.sequence) === 0 ? path : `${path}0`)) return refuse(Code.badArguments);
    const stored = acl === undefined ? undefined : storedAcl(acl, author.credentials ?? []);
    if (stored === null) return refuse(Code.invalidAcl);
    const directory = parentOf(path);
    const parent = nodes.get(directory);
    if (parent === undefined) return refuse(Code.noNode);
    if (!mayDo(parent, Perm.create, author)) return refuse(Code.noAuth);
    const sequence = this.#nextSequence(directory, parent);
    const name = (flags & Flag.sequence) === 0 ? nameOf(path) : nameOf(path) + suffixOf(sequence);
    const fullPath = path === "/" ? path : childOf(directory, name);
    if (nodes.get(fullPath) !== undefined) return refuse(Code.nodeExists);
    if (parent.isEphemeral) return refuse(Code.noChildrenForEphemerals);
    const creates = (sequence + 1) | 0;
    if (creates !== sequence + 1 || creates < 0) this.#overflown.set(directory, { next: creates, atMs: this.nowMs() });
    const owner = (flags & Flag.ephemeral) === 0 ? NOBODY : author.sessionId;
    return { type: "create", path: fullPath, data, owner, isContainer, creates, ...(stored && { acl: stored }) };
  }

  #delete({ path, version }: Write & { op: "delete" }, author: Author, nodes: Nodes): Decision {
    if (path === "/" || !isServerPath(path)) return refuse(Code.badArguments);
    const parent = nodes.get(parentOf(path));
    if (parent === undefined) return refuse(Code.noNode);
    if (!mayDo(parent, Perm.delete, author)) return refuse(Code.noAuth);
    const node = nodes.get(path);
    if (node === undefined) return refuse(Code.noNode);
    if (version !== -1 && version !== node.version) return refuse(Code.badVersion);
    if (node.children.size > 0) return refuse(Code.notEmpty);
    return { type: "delete", path };
  }

  #change(
    nodes: Nodes,
    { path, version }: { path: string; version: number },
    author: Author,
    permission: number,
    versionOf: (node: Znode) => number,
    change: Change,
  ): Decision {
    if (!isServerPath(path)) return refuse(Code.badArguments);
    const node = nodes.get(path);
    if (node === undefined) return refuse(Code.noNode);
    if (!mayDo(node, permission, author)) return refuse(Code.noAuth);
    return version !== -1 && version !== versionOf(node) ? refuse(Code.badVersion) : change;
  }

  /**
   * The parent's create counter. Past 2^31 a real server goes wrong: the counter it has in mind for writes under way
   * turns negative, the one it has stored stands still. So what comes at the same moment gets `-2147483648`, what comes
   * later gets 2147483647 again.
   */
  #nextSequence(directory: string, parent: Znode): number {
    if (parent.creates < LARGEST_SEQUENCE) return parent.creates;
    const overflown = this.#overflown.get(directory);
    return overflown?.atMs === this.nowMs() ? overflown.next : parent.creates;
  }
}

function mayDo(node: Znode, permission: number, { credentials }: Author): boolean {
  return credentials === null || allows(node.acl, permission, credentials);
}

function refuse(code: number): Decision {
  return { type: "refused", code };
}

/** As Java's `%010d`. */
function suffixOf(sequence: number): string {
  const digits = String(Math.abs(sequence));
  return sequence < 0 ? `-${digits.padStart(SEQUENCE_DIGITS - 1, "0")}` : digits.padStart(SEQUENCE_DIGITS, "0");
}
