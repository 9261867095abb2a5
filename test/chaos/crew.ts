import pTimeout from "p-timeout";
import { startWorker, type WorkerProcess } from "../helpers/processes.js";
import { nowMs } from "./clock.js";
import type { HarnessNote } from "./history.js";
import type { api as workerApi, WorkerOrders } from "./worker.js";

type Process = WorkerProcess<typeof workerApi>;

/** How long a worker may take to end what it has begun, once all faults are over. */
export const DRAIN_LIMIT_MS = 40_000;
/** How long a worker may take to say what it sees. */
const VIEW_LIMIT_MS = 3_000;

interface Member {
  readonly name: string;
  readonly place: number;
  readonly process: Process;
  /** It is going, on our order. */
  dismissed: boolean;
}

/** The workers. One that dies by itself is noted down as that; whoever goes is followed by a new one, under a new name. */
export class Crew {
  readonly #members = new Map<number, Member>();
  readonly #lives = new Map<number, number>();
  #directory: string | undefined;

  constructor(
    private readonly orders: Omit<WorkerOrders, "name" | "servers" | "client"> & {
      serversOf: (place: number) => string[];
    },
    private readonly note: (note: HarnessNote) => void,
  ) {}

  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  /** Starts the worker of a place, which works as soon as it is connected. */
  async hire(place: number): Promise<void> {
    const life = (this.#lives.get(place) ?? 0) + 1;
    this.#lives.set(place, life);
    const name = `w${place}.${life}`;
    const process: Process = await startWorker<typeof workerApi>(new URL("worker.ts", import.meta.url));
    const member: Member = { name, place, process, dismissed: false };
    this.#members.set(place, member);
    this.note({ is: "started", worker: name, pid: process.pid });
    void process.exited.then(({ code, signal }) => {
      if (member.dismissed) return;
      this.note({ is: "died", worker: name, how: signal ?? `code ${code ?? "unknown"}`, output: process.output });
      this.#members.delete(place);
    });
    try {
      const { serversOf, seed, ...orders } = this.orders;
      const servers = serversOf(place).join(",");
      const client = place % 2 === 0 ? "own" : "adopted";
      await process.call("connect", { ...orders, servers, client, name, seed: seed + place * 1_000 + life });
      if (this.#directory !== undefined) await process.call("work", this.#directory);
    } catch (error) {
      if (!member.dismissed) this.note({ is: "stuck", worker: name, why: `it could not begin: ${String(error)}` });
    }
  }

  /** `kill -9`. */
  async kill(member: Member): Promise<void> {
    member.dismissed = true;
    this.note({ is: "killed", worker: member.name });
    await member.process.kill();
  }

  /** An orderly end, in the middle of everything. One that does not come to it in time is stuck. */
  async sendAway(member: Member): Promise<void> {
    member.dismissed = true;
    await this.#finished(member, member.process.call("leave"), "leave");
    this.note({ is: "left", worker: member.name });
    await member.process.kill();
  }

  async work(directory: string): Promise<void> {
    this.#directory = directory;
    await Promise.all(this.members.map(({ process }) => process.call("work", directory)));
  }

  /** Every worker ends what it has begun. */
  async drain(): Promise<void> {
    await Promise.all(this.members.map((member) => this.#finished(member, member.process.call("drain"), "drain")));
  }

  /** A worker that dies has died, and is noted down as such: no harness needs to end for it. */
  async grants(): Promise<Map<string, number>> {
    const counts = await Promise.all(
      this.members.map(async ({ name, process }) => [name, await process.call("grants").catch(() => 0)] as const),
    );
    return new Map(counts);
  }

  /** What the workers see, each through the server that it is connected to. */
  async views(): Promise<string[]> {
    return Promise.all(
      this.members.map(async ({ name, process }) => {
        const view = await pTimeout(process.call("view"), { milliseconds: VIEW_LIMIT_MS }).catch(String);
        return `${name} sees ${JSON.stringify(view)}`;
      }),
    );
  }

  async disband(): Promise<void> {
    await Promise.all(this.members.map((member) => this.sendAway(member)));
    this.#members.clear();
  }

  async killAll(): Promise<void> {
    await Promise.all(this.members.map((member) => this.kill(member)));
  }

  async #finished(member: Member, work: Promise<unknown>, what: string): Promise<void> {
    const startedMs = nowMs();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`it did not ${what} within ${DRAIN_LIMIT_MS} ms`), DRAIN_LIMIT_MS);
    });
    const ended = work.then(
      () => undefined,
      (error: unknown) => `it could not ${what} (${Math.round(nowMs() - startedMs)} ms): ${String(error)}`,
    );
    const why = await Promise.race([ended, limit]);
    clearTimeout(timer);
    if (why !== undefined) this.note({ is: "stuck", worker: member.name, why });
  }
}

export type { Member };
