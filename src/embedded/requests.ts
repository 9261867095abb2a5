import type { Acl, Stat } from "../zookeeper/client/client.js";
import type { JuteReader } from "../zookeeper/wire/jute-reader.js";
import type { JuteWriter } from "../zookeeper/wire/jute-writer.js";
import type { MultiPart, MultiResult } from "../zookeeper/wire/multi.js";
import { CreateFlags, type Operation, operations } from "../zookeeper/wire/operations.js";
import type { WireAcl, WireStat } from "../zookeeper/wire/records.js";
import { servedOperations, WATCH_KINDS, WATCH_MODES } from "../zookeeper/wire/served-operations.js";
import type { Request, Result, WatchKind, Write } from "../testing/protocol/messages.js";

/** A request in the ensemble's terms, and how its answer is written. */
export interface ServedRequest {
  readonly request: Request;
  /** Writes what was found, where the code is 0. */
  answer(to: JuteWriter, result: Result): void;
}

type Read = (from: JuteReader) => ServedRequest | null;

interface NewNode {
  readonly path: string;
  readonly data: Buffer | null;
  readonly acl: readonly WireAcl[];
  readonly flags: number;
}

const NO_DATA = Buffer.alloc(0);
/** What a multi may consist of, by the numbers of the operations. */
const PartNumber = { create: 1, delete: 2, setData: 5, check: 13, create2: 15, createContainer: 19 } as const;
const LARGEST_FLAGS = CreateFlags.container;

/** The operations by their numbers. */
const SERVED = new Map<number, Read>([
  serve(operations.create, plainCreate, ({ path = "" }) => ({ path })),
  serve(operations.create2, plainCreate, ({ path = "", stat }) => ({ path, stat: wireStat(stat) })),
  serve(
    operations.createContainer,
    (node) => createOf(node, CreateFlags.container),
    ({ path = "", stat }) => ({ path, stat: wireStat(stat) }),
  ),
  serve(operations.delete, ({ path, version }) => ({ op: "delete", path, version }), nothing),
  serve(operations.exists, ({ path, watch }) => ({ op: "exists", path, watch }), statOnly),
  serve(
    operations.getData,
    ({ path, watch }) => ({ op: "get", path, watch }),
    ({ data = NO_DATA, stat }) => ({ data, stat: wireStat(stat) }),
  ),
  serve(
    operations.setData,
    ({ path, data, version }) => ({ op: "set", path, data: data ?? NO_DATA, version }),
    statOnly,
  ),
  serve(
    operations.getAcl,
    ({ path }) => ({ op: "getAcl", path }),
    ({ acl = [], stat }) => ({ acl: acl.map(wireAcl), stat: wireStat(stat) }),
  ),
  serve(
    operations.setAcl,
    ({ path, acl, version }) => ({ op: "setAcl", path, acl: acl.map(plainAcl), version }),
    statOnly,
  ),
  serve(
    operations.sync,
    ({ path }) => ({ op: "sync", path }),
    ({ path = "" }) => ({ path }),
  ),
  serve(operations.ping, () => ({ op: "ping" }), nothing),
  serve(
    operations.getChildren2,
    ({ path, watch }) => ({ op: "children", path, watch }),
    ({ children = [], stat }) => ({ children, stat: wireStat(stat) }),
  ),
  serve(
    servedOperations.getChildren,
    ({ path, watch }) => ({ op: "children", path, watch }),
    ({ children = [] }) => ({ children }),
  ),
  serve(operations.multi, multiOf, multiResults),
  serve(servedOperations.check, ({ path, version }) => ({ op: "check", path, version }), nothing),
  serve(operations.removeWatches, ({ path, kind }) => watching("removeWatches", path, kind), nothing),
  serve(servedOperations.checkWatches, ({ path, kind }) => watching("checkWatches", path, kind), nothing),
  serve(servedOperations.setWatches, (paths) => ({ op: "setWatches", ...paths }), nothing),
  serve(servedOperations.setWatches2, (paths) => ({ op: "setWatches", ...paths }), nothing),
  serve(
    servedOperations.addWatch,
    ({ path, mode }) =>
      mode === WATCH_MODES.persistent || mode === WATCH_MODES.persistentRecursive
        ? { op: "addWatch", path, isRecursive: mode === WATCH_MODES.persistentRecursive }
        : null,
    nothing,
  ),
  serve(
    servedOperations.whoAmI,
    () => ({ op: "whoAmI" }),
    ({ credentials = [] }) => ({ identities: credentials }),
  ),
  serve(
    operations.auth,
    ({ scheme, credentials }) => ({ op: "auth", scheme, secret: (credentials ?? NO_DATA).toString() }),
    nothing,
  ),
  serve(operations.closeSession, () => ({ op: "close" }), nothing),
]);

/**
 * Reads the body of a request. Null: there is no such operation here.
 * @throws MalformedMessageError
 */
export function readRequest(operation: number, from: JuteReader): ServedRequest | null {
  return SERVED.get(operation)?.(from) ?? null;
}

function serve<Asked, Found>(
  { number, request, reply }: Operation<Asked, Found>,
  toRequest: (asked: Asked) => Request | null,
  toReply: (result: Result, asked: Asked) => Found,
): [number, Read] {
  const read: Read = (from) => {
    const asked = request.read(from);
    const wanted = toRequest(asked);
    if (wanted === null) return null;
    return { request: wanted, answer: (to, result) => reply.write(to, toReply(result, asked)) };
  };
  return [number, read];
}

/** Nodes with a time to live have flags of their own, and a server has to be told to have any. */
function plainCreate(node: NewNode): (Write & { op: "create" }) | null {
  if (node.flags > LARGEST_FLAGS) return null;
  // A real server makes a plain node of it.
  return createOf(node, node.flags === CreateFlags.container ? CreateFlags.persistent : node.flags);
}

function createOf({ path, data, acl }: NewNode, flags: number): Write & { op: "create" } {
  return { op: "create", path, data: data ?? NO_DATA, flags, acl: acl.map(plainAcl) };
}

function multiOf(parts: readonly MultiPart[]): Request | null {
  const writes = parts.map(partOf);
  return writes.includes(null) ? null : { op: "multi", parts: writes as Write[] };
}

function partOf({ operation, request }: MultiPart): Write | null {
  switch (operation) {
    case PartNumber.create:
    case PartNumber.create2:
      return plainCreate(request);
    case PartNumber.createContainer:
      return createOf(request, CreateFlags.container);
    case PartNumber.delete:
      return { op: "delete", ...request };
    case PartNumber.check:
      return { op: "check", ...request };
    case PartNumber.setData:
      return { op: "set", path: request.path, data: request.data ?? NO_DATA, version: request.version };
  }
}

function multiResults({ results = [] }: Result, parts: readonly MultiPart[]): readonly MultiResult[] {
  if (results.some(({ code }) => code !== 0)) return results.map(({ code }) => ({ operation: -1, code }));
  return results.map(({ path = "", stat }, place) => {
    const operation = parts[place]?.operation ?? -1;
    return { operation, code: 0, path, ...(stat !== undefined && { stat: wireStat(stat) }) };
  });
}

function watching(op: "checkWatches" | "removeWatches", path: string, number: number): Request | null {
  const kind = Object.entries(WATCH_KINDS).find(([, value]) => value === number)?.[0];
  return kind === undefined ? null : { op, path, kind: kind as WatchKind };
}

function nothing(): null {
  return null;
}

function statOnly({ stat }: Result): { stat: WireStat } {
  return { stat: wireStat(stat) };
}

function wireStat(stat: Stat | undefined): WireStat {
  if (stat === undefined) throw new Error("answer-without-stat: the ensemble has answered without a stat.");
  const { ctime, mtime, ephemeralOwner } = stat;
  return { ...stat, ctime: +ctime, mtime: +mtime, ephemeralOwner: BigInt(`0x${ephemeralOwner}`) };
}

function wireAcl({ perms, scheme, auth }: Acl): WireAcl {
  return { permissions: perms, scheme, id: auth };
}

function plainAcl({ permissions, scheme, id }: WireAcl): Acl {
  return { perms: permissions, scheme, auth: id };
}
