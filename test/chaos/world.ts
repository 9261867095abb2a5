import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ensemble, startEnsemble } from "../helpers/ensemble.js";
import { RawClient } from "../helpers/raw-client.js";
import { mode } from "../helpers/server-statistics.js";
import { TcpProxy } from "../helpers/tcp-proxy.js";
import { nowMs } from "./clock.js";
import { Crew } from "./crew.js";
import { type HarnessNote, HistoryFile } from "./history.js";
import { retire } from "./retire.js";
import { Store } from "./store.js";
import { describeServer, type View, viewsOf } from "./views.js";

/** Eight ticks of the servers. */
export const SESSION_MS = 4_000;
const ROOT_DIR = "/chaos";
const CONNECT_TIMEOUT_MS = 60_000;

export interface WorldOptions {
  readonly seed: number;
  readonly workers: number;
  readonly lanes: number;
}

/** Three servers, a network between each worker and each of them, a store, and the workers: all that a fault can befall, and all that is watched. */
export class World {
  readonly directory = mkdtempSync(join(tmpdir(), "zk-lock-chaos-"));
  readonly store = new Store(join(this.directory, "store.sqlite"));
  /** The proxies of each worker, by its place: one for each server, in the order of the servers. */
  readonly ways = new Map<number, TcpProxy[]>();
  ensemble!: Ensemble;
  crew!: Crew;
  #history: HistoryFile<HarnessNote> | undefined;

  static async create(options: WorldOptions): Promise<World> {
    const world = new World();
    try {
      await world.#open(options);
      return world;
    } catch (error) {
      await world.destroy();
      throw error;
    }
  }

  note(note: HarnessNote): void {
    this.#history?.note(nowMs(), note);
  }

  /** From now on the history of everybody goes into `directory`. */
  async beginAct(directory: string): Promise<void> {
    this.#history?.close();
    this.#history = new HistoryFile(directory, "harness");
    for (const { name, process } of this.crew.members) this.note({ is: "started", worker: name, pid: process.pid });
    await this.crew.work(directory);
  }

  /** The tickets in all queues, as each server shows them. */
  views(): Promise<View[]> {
    return viewsOf(this.ensemble.servers, ROOT_DIR);
  }

  /** Whether the servers agree on anything: a new session is the smallest thing they have to. Takes up to 10 s to say no. */
  async canCommit(): Promise<boolean> {
    try {
      const raw = await RawClient.connect((await this.ensemble.leader()).connectString);
      await raw.close();
      return true;
    } catch {
      return false;
    }
  }

  /** What can be seen when somebody waits in vain: of the servers, of the ways to them, and by the workers themselves. */
  async diagnose(): Promise<string[]> {
    const servers = this.ensemble.servers.map((server) => describeServer(server, ROOT_DIR));
    const ways = [...this.ways].flatMap(([place, proxies]) =>
      proxies.map(
        async ({ connectString }) =>
          `worker ${place} at ${connectString}: ${(await mode(connectString)) ?? "no answer"} behind the proxy`,
      ),
    );
    const lines = await Promise.all([...servers, ...ways]);
    return [...lines, ...(await this.crew.views())];
  }

  /** Ends all there is; the histories and the store stay where they are if `keep` says so. */
  async destroy({ keep = false } = {}): Promise<void> {
    // Undefined where the world did not come into being.
    await (this.crew as Crew | undefined)?.killAll();
    this.#history?.close();
    this.store.close();
    await Promise.all([...this.ways.values()].flat().map(retire));
    await (this.ensemble as Ensemble | undefined)?.stop();
    if (!keep) rmSync(this.directory, { recursive: true, force: true });
  }

  async #open({ seed, workers, lanes }: WorldOptions): Promise<void> {
    await this.store.setup();
    this.ensemble = await startEnsemble();
    const places = Array.from({ length: workers }, (_, index) => index + 1);
    for (const place of places) {
      const proxies: TcpProxy[] = [];
      this.ways.set(place, proxies);
      for (const { connectString } of this.ensemble.servers) proxies.push(await TcpProxy.listen(connectString));
    }
    const orders = {
      serversOf: (place: number) => this.ways.get(place)!.map(({ connectString }) => connectString),
      rootDir: ROOT_DIR,
      sessionTimeoutMs: SESSION_MS,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      storeFile: join(this.directory, "store.sqlite"),
      seed,
      lanes,
    };
    this.crew = new Crew(orders, (note) => this.note(note));
    await Promise.all(places.map((place) => this.crew.hire(place)));
  }
}
