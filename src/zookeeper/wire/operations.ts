import { bool, bytes, type Codec, int, list, nothing, record, text } from "./codec.js";
import { multiReply, multiRequest } from "./multi.js";
import { acls, stat } from "./records.js";

/** One operation: its number, what is asked, and what is answered when the code is 0. */
export interface Operation<Request, Reply> {
  readonly number: number;
  readonly request: Codec<Request>;
  readonly reply: Codec<Reply>;
}

function operation<Request, Reply>(
  number: number,
  request: Codec<Request>,
  reply: Codec<Reply>,
): Operation<Request, Reply> {
  return { number, request, reply };
}

const path = record({ path: text });
const pathAndWatch = record({ path: text, watch: bool });
const pathAndVersion = record({ path: text, version: int });
const newNode = record({ path: text, data: bytes, acl: acls, flags: int });
const madeNode = record({ path: text, stat });
const statOnly = record({ stat });

/** How a node is made: `flags` of the create operations. A container has an operation of its own, besides. */
export const CreateFlags = {
  persistent: 0,
  ephemeral: 1,
  sequential: 2,
  ephemeralSequential: 3,
  container: 4,
} as const;

/**
 * The operations of ZooKeeper that we speak, by the numbers of `ZooDefs.OpCode`. (A create with the container's flag makes a plain
 * node: only `createContainer` makes containers.)
 */
export const operations = {
  create: operation(1, newNode, path),
  delete: operation(2, pathAndVersion, nothing),
  exists: operation(3, pathAndWatch, statOnly),
  getData: operation(4, pathAndWatch, record({ data: bytes, stat })),
  setData: operation(5, record({ path: text, data: bytes, version: int }), statOnly),
  getAcl: operation(6, path, record({ acl: acls, stat })),
  setAcl: operation(7, record({ path: text, acl: acls, version: int }), statOnly),
  sync: operation(9, path, path),
  ping: operation(11, nothing, nothing),
  getChildren2: operation(12, pathAndWatch, record({ children: list(text), stat })),
  multi: operation(14, multiRequest, multiReply),
  create2: operation(15, newNode, madeNode),
  removeWatches: operation(18, record({ path: text, kind: int }), nothing),
  createContainer: operation(19, newNode, madeNode),
  auth: operation(100, record({ type: int, scheme: text, credentials: bytes }), nothing),
  closeSession: operation(-11, nothing, nothing),
} as const;
