import { freePort } from "../../scripts/lib/free-port.mjs";
import { mode } from "./server-statistics.js";
import { until } from "./until.js";
import { type ServerOptions, ZooKeeperServer } from "./zookeeper-server.js";
import { testProperties } from "./test-server.mjs";

/** Several servers on loopback that are one ZooKeeper. */
export class Ensemble {
  readonly servers: readonly ZooKeeperServer[];
  /** The addresses of all members, comma-separated. */
  readonly connectString: string;

  constructor(servers: readonly ZooKeeperServer[]) {
    this.servers = servers;
    this.connectString = servers.map((server) => server.connectString).join(",");
  }

  /** The member that leads; waits up to 30 s for one, so it can be asked right after the last one was killed. */
  leader(): Promise<ZooKeeperServer> {
    return until(() => this.#first("leader"), { what: "the ensemble to have a leader", timeoutMs: 30_000 });
  }

  /** A member that follows; waits up to 30 s for one. */
  follower(): Promise<ZooKeeperServer> {
    return until(() => this.#first("follower"), { what: "the ensemble to have a follower", timeoutMs: 30_000 });
  }

  /** Ends all members for good and removes their directories. */
  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  async #first(wanted: "leader" | "follower"): Promise<ZooKeeperServer | undefined> {
    const modes = await Promise.all(this.servers.map((server) => modeOf(server)));
    return this.servers.find((_, index) => modes[index] === wanted);
  }
}

async function modeOf(server: ZooKeeperServer): Promise<string | undefined> {
  return server.pid === undefined ? undefined : await mode(server.connectString);
}

/**
 * Starts `size` servers (default 3) with the tests' options; resolves when all of them serve. A member that does not hear
 * the leader for two seconds (4 ticks of 500 ms) gives up on it.
 */
export async function startEnsemble(options: ServerOptions & { size?: number } = {}): Promise<Ensemble> {
  const { size = 3, ...server } = options;
  const ids = Array.from({ length: size }, (_, index) => index + 1);
  const peers: Record<string, string> = {};
  for (const id of ids) peers[`server.${id}`] = `127.0.0.1:${await freePort()}:${await freePort()}`;
  const servers: ZooKeeperServer[] = [];
  for (const id of ids) {
    servers.push(
      new ZooKeeperServer({
        ...server,
        id,
        port: await freePort(),
        config: { initLimit: 20, syncLimit: 4, ...peers, ...server.config },
        properties: { ...testProperties, ...server.properties },
      }),
    );
  }
  const ensemble = new Ensemble(servers);
  try {
    for (const member of servers) member.launch();
    await Promise.all(servers.map((member) => member.serving()));
    return ensemble;
  } catch (error) {
    await ensemble.stop();
    throw error;
  }
}
