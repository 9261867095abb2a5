import { setTimeout as sleep } from "node:timers/promises";
import type { TcpProxy } from "../helpers/tcp-proxy.js";
import type { ZooKeeperServer } from "../helpers/zookeeper-server.js";
import { nowMs } from "./clock.js";
import type { Member } from "./crew.js";
import type { PlannedFault } from "./schedule.js";
import type { World } from "./world.js";

/** A fault in force: at what, and how it ends. */
export interface Fault {
  readonly target: string;
  heal(): Promise<void>;
}

const SLOW_MS = 150;
const PIECE_BYTES = 7;
const FLAP_MS = 120;

/** Brings one fault about. Resolves when it is in force. */
export async function strike(world: World, { kind, aim, scope, lastsMs }: PlannedFault): Promise<Fault> {
  const ways = [...world.ways.values()];
  const proxies =
    scope === "all"
      ? ways.flat()
      : scope === "worker"
        ? at(ways, aim)
        : ways.map((proxiesOfWorker) => at(proxiesOfWorker, aim));
  const workers = scope === "all" ? world.crew.members : [at(world.crew.members, aim)];
  switch (kind) {
    case "kill follower":
      return killServers(async () => [await world.ensemble.follower()]);
    case "kill leader":
      return killServers(async () => [await world.ensemble.leader()]);
    case "lose quorum":
      return killServers(() => Promise.resolve(world.ensemble.servers.slice(aim < 0.5 ? 0 : 1).slice(0, 2)));
    case "stop server":
      return stopServers([at(world.ensemble.servers, aim)]);
    case "stop leader":
      return stopServers([await world.ensemble.leader()]);
    case "stop two servers":
      return stopServers(world.ensemble.servers.slice(aim < 0.5 ? 0 : 1).slice(0, 2));
    case "cut":
      return onProxies(proxies, (proxy) => proxy.cut());
    case "half-open":
      return onProxies(proxies, (proxy) => proxy.blackhole("both"));
    case "half-open to server":
      return onProxies(proxies, (proxy) => proxy.blackhole("toServer"));
    case "half-open to client":
      return onProxies(proxies, (proxy) => proxy.blackhole("toClient"));
    case "slow":
      return onProxies(proxies, (proxy) => proxy.delay(SLOW_MS));
    case "hold back":
      return onProxies(proxies, (proxy) => proxy.pause());
    case "in pieces":
      return onProxies(proxies, (proxy) => proxy.chunk(PIECE_BYTES));
    case "lose create reply":
      return loseReplies(proxies, "create", lastsMs, false);
    case "lose delete reply":
      return loseReplies(proxies, "delete", lastsMs, false);
    case "swallow create reply":
      return loseReplies(proxies, "create", lastsMs, true);
    case "swallow delete reply":
      return loseReplies(proxies, "delete", lastsMs, true);
    case "flapping":
      return flap(proxies);
    case "stop past session":
    case "stop shortly":
      return stopWorkers(workers);
    case "kill worker":
      return killWorker(world, at(world.crew.members, aim));
    case "worker leaves":
      return seeOff(world, at(world.crew.members, aim));
    case "block event loop":
      return block(workers, lastsMs);
    default:
      return kind satisfies never;
  }
}

/** The member of a list that a number from 0 to 1 stands for. */
function at<T>(list: readonly T[], aim: number): T {
  const member = list[Math.floor(aim * list.length)];
  if (member === undefined) throw new Error("There is nobody left for a fault to befall.");
  return member;
}

/**
 * ZooKeeper before 3.8.4 forgets transactions when a server is killed that has just caught up with its leader and not written all
 * of it down yet (ZOOKEEPER-4785): its tree differs from the others' from then on, for ever. So nobody is killed before the
 * ensemble has been whole for so long.
 */
const CATCH_UP_MS = 3_000;
let wholeSinceMs = 0;

async function killServers(choose: () => Promise<readonly ZooKeeperServer[]>): Promise<Fault> {
  // It may be broken and mended again while we wait.
  while (nowMs() < wholeSinceMs + CATCH_UP_MS) await sleep(wholeSinceMs + CATCH_UP_MS - nowMs());
  const servers = await choose();
  await Promise.all(servers.map((server) => server.kill()));
  return { target: names(servers), heal: () => bringAllUp(servers) };
}

async function stopServers(servers: readonly ZooKeeperServer[]): Promise<Fault> {
  await Promise.all(servers.map((server) => server.pause()));
  return {
    target: names(servers),
    heal: () => {
      for (const server of servers) server.resume();
      return bringAllUp(servers);
    },
  };
}

/** Resolves when all of them serve. */
export async function bringAllUp(servers: readonly ZooKeeperServer[]): Promise<void> {
  await Promise.all(servers.map(bringUp));
  wholeSinceMs = nowMs();
}

/** How often a server may end by itself while it comes up. */
const TRIES = 3;

/** Resolves when the server serves. One that ended by itself, as it can after a stop, is started again. */
async function bringUp(server: ZooKeeperServer): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    if (server.pid === undefined) server.launch();
    try {
      await server.serving();
      return;
    } catch (error) {
      if (server.pid !== undefined || tries === TRIES) throw error;
    }
  }
}

async function onProxies(proxies: readonly TcpProxy[], act: (proxy: TcpProxy) => Promise<void>): Promise<Fault> {
  await Promise.all(proxies.map(act));
  return { target: names(proxies), heal: () => resume(proxies) };
}

async function resume(proxies: readonly TcpProxy[]): Promise<void> {
  await Promise.all(proxies.map((proxy) => proxy.resume()));
}

/**
 * Again and again, the reply to the next create or delete vanishes after the server has committed it: with the connection, or
 * (`silently`) from a connection that stays.
 */
async function loseReplies(
  proxies: readonly TcpProxy[],
  operation: "create" | "delete",
  lastsMs: number,
  silently: boolean,
): Promise<Fault> {
  const over = AbortSignal.timeout(lastsMs);
  const set = async (proxy: TcpProxy): Promise<void> => {
    const trap = await proxy.swallowReply(operation, { keepOpen: silently });
    const again = async (): Promise<void> => {
      await trap.sprung;
      await sleep(FLAP_MS);
      if (!over.aborted) await set(proxy);
    };
    // A trap that never springs goes with its proxy.
    again().catch(() => undefined);
  };
  await Promise.all(proxies.map(set));
  return {
    target: names(proxies),
    // A trap that has not sprung yet stays and springs later: no rest is quite without faults.
    heal: () => resume(proxies),
  };
}

/** Down and up, several times a second. */
async function flap(proxies: readonly TcpProxy[]): Promise<Fault> {
  let isOver = false;
  const one = async (proxy: TcpProxy): Promise<void> => {
    while (!isOver) {
      await proxy.close();
      await proxy.cut();
      await sleep(FLAP_MS);
      await proxy.reopen();
      await sleep(FLAP_MS * 2);
    }
  };
  const flapping = Promise.all(proxies.map(one));
  await Promise.resolve();
  return {
    target: names(proxies),
    heal: async () => {
      isOver = true;
      await flapping;
    },
  };
}

async function stopWorkers(workers: readonly Member[]): Promise<Fault> {
  // All at once would leave nobody who could be granted what the stopped ones hold.
  const stopped = workers.length > 1 ? workers.slice(1) : workers;
  await Promise.all(stopped.map(({ process }) => process.pause()));
  return {
    target: stopped.map(({ name }) => name).join(", "),
    heal: () => {
      for (const { process } of stopped) process.resume();
      return Promise.resolve();
    },
  };
}

async function killWorker(world: World, worker: Member): Promise<Fault> {
  await world.crew.kill(worker);
  return { target: worker.name, heal: () => world.crew.hire(worker.place) };
}

function seeOff(world: World, worker: Member): Promise<Fault> {
  const gone = world.crew.sendAway(worker);
  return Promise.resolve({
    target: worker.name,
    heal: async () => {
      await gone;
      await world.crew.hire(worker.place);
    },
  });
}

function block(workers: readonly Member[], ms: number): Promise<Fault> {
  const blocked = Promise.all(workers.map(({ process }) => process.call("block", ms).catch(() => undefined)));
  return Promise.resolve({
    target: workers.map(({ name }) => name).join(", "),
    heal: async () => {
      await blocked;
    },
  });
}

function names(of: readonly { readonly connectString: string }[]): string {
  return of.map(({ connectString }) => connectString).join(", ");
}
