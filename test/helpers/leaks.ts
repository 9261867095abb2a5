import { beforeAll } from "@jest/globals";
import { childrenOf, commandLine } from "../../scripts/lib/process-table.mjs";
import { reaperPid } from "../../scripts/lib/reaper.mjs";
import { RawClient, openRawClients } from "./raw-client.js";
import { openProxies, proxyHostPid } from "./tcp-proxy.js";
import { until } from "./until.js";
import { connectionsTo } from "./zookeeper-connections.js";

export interface LeakOptions {
  /** The root directory of this file's locks: no ticket (no ephemeral node) may be left below it. */
  root?: string;
  /** The server, as `host:port`. Default: the run's own. */
  server?: string;
  /** How long what is on its way out may take, in milliseconds. Default 3,000. */
  graceMs?: number;
}

/** What there is of each kind, as one line each. */
type Inventory = Record<
  "child process" | "listener on process" | "raw client" | "proxy" | "connection" | "timer",
  string[]
>;

/**
 * For `afterEach(noLeaks({ root }))`: fails when a test leaves behind a child process, a listener on `process`, a raw client,
 * a proxy, a connection to the server, a running timer, or a ticket below `root`. What the file shares between its tests is
 * no leak, if the `beforeAll` that makes it stands above this line. Stand below the file's own `afterEach`, which run first.
 */
export function noLeaks({
  root,
  server = process.env["ZK_TEST_CONNECT"] ?? "",
  graceMs = 3_000,
}: LeakOptions = {}): () => Promise<void> {
  const port = Number(server.split(":").at(-1));
  let before: Inventory = takeInventory(port);
  beforeAll(() => {
    before = takeInventory(port);
  });
  return async () => {
    let left: string[] = [];
    const clean = () => (left = difference(before, takeInventory(port))).length === 0;
    try {
      await until(clean, { what: "the leftovers to go", timeoutMs: graceMs });
    } catch {
      // One test's leak is not the next one's.
      before = takeInventory(port);
    }
    if (root !== undefined) left.push(...(await ticketsBelow(root, server, graceMs)));
    if (left.length > 0) throw new Error(`The test leaves behind:\n  ${left.join("\n  ")}`);
  };
}

function takeInventory(port: number): Inventory {
  return {
    // Without their numbers: a server that the file shares may have been restarted by a test.
    "child process": childrenOf(process.pid)
      .filter((pid) => pid !== reaperPid() && pid !== proxyHostPid())
      .map((pid) => commandLine(pid)),
    "listener on process": process
      .eventNames()
      .flatMap((event) =>
        process.listeners(event as "exit").map((listener) => `${String(event)}: ${describe(listener)}`),
      ),
    "raw client": openRawClients().map((client) => `session ${client.sessionId}`),
    proxy: openProxies().map((proxy) => proxy.connectString),
    connection: Array.from({ length: connectionsTo(port) }, () => `to port ${port}`),
    // Timers that do not keep the process alive are not in this list.
    timer: process.getActiveResourcesInfo().filter((kind) => kind === "Timeout"),
  };
}

const describe = (listener: unknown) => String(listener).replaceAll(/\s+/g, " ").slice(0, 80);

/** The lines of `after` that `before` does not have, or has fewer of. */
function difference(before: Inventory, after: Inventory): string[] {
  return (Object.keys(after) as (keyof Inventory)[]).flatMap((kind) => {
    const known = [...before[kind]];
    return after[kind].flatMap((line) => {
      const index = known.indexOf(line);
      if (index === -1) return [`${kind} ${line}`];
      known.splice(index, 1);
      return [];
    });
  });
}

async function ticketsBelow(root: string, server: string, graceMs: number): Promise<string[]> {
  const raw = await RawClient.connect(server);
  try {
    let tickets: string[] = [];
    const gone = async () => (tickets = await ephemeralsBelow(raw, root)).length === 0;
    await until(gone, { what: "the tickets to go", timeoutMs: graceMs, everyMs: 50 }).catch(() => undefined);
    return tickets.map((path) => `ticket ${path}`);
  } finally {
    await raw.close();
  }
}

async function ephemeralsBelow(raw: RawClient, path: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await raw.children(path)) {
    const child = `${path === "/" ? "" : path}/${name}`;
    const stat = await raw.stat(child);
    if (stat && stat.ephemeralOwner !== "0") found.push(child);
    found.push(...(await ephemeralsBelow(raw, child)));
  }
  return found;
}
