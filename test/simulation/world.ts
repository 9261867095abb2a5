import { resourceOf } from "../../src/common/resource-path.js";
import type { Demand } from "../../src/engine/ticket.js";
import { parseTicket, SEQUENCE_LIMIT } from "../../src/zookeeper/nodes/ticket-names.js";
import { InMemoryZooKeeper, type NodeView, VirtualClock } from "../../src/testing/index.js";
import { type Belief, BrokenPromise, groupBy, Observer } from "./observer.js";
import {
  FOCUS,
  HOLDER,
  LONGEST_OUTAGE_MS,
  PERMITS,
  type Resource,
  RESOURCES,
  type Schedule,
  type Step,
  type TimedStep,
} from "./schedule.js";
import { Network } from "./network.js";
import { SimulatedProcess } from "./simulated-process.js";

const SERVERS = 2;
/** How often everybody is asked what they believe: finer than any outage. */
const LOOK_EVERY_MS = 25;
/** After the last fault everything has to settle within this much virtual time. */
const SETTLE_MS = 120_000;
/** Without faults, sessions that are over have ended after this long, and whoever can be granted has been. */
const CALM_MS = 15_000;
/** A connection that is back soon, and when its owner has settled again. */
const SHORT_CUT_MS = 20;
const AFTER_RECONNECT_MS = 2_500;

/** Runs one schedule, and throws BrokenPromise for what must not be. Returns what happened, for the curious. */
export async function simulate(schedule: Schedule): Promise<Observer> {
  const world = new World(schedule);
  try {
    for (const timed of schedule.steps) await world.take(timed);
    await world.settle();
    await world.close();
  } catch (error) {
    if (error instanceof Error) error.message += `\n${world.observer.log.slice(-40).join("\n")}`;
    throw error;
  } finally {
    world.stop();
  }
  return world.observer;
}

class World {
  readonly observer = new Observer();
  readonly #clock: VirtualClock;
  readonly #zk: InMemoryZooKeeper;
  readonly #processes: SimulatedProcess[];
  readonly #machinesSleep: boolean;
  readonly #focus: number;
  readonly #retires: boolean;
  /** Whose waiting tickets an administrator deleted: a session and a resource. */
  readonly #deletedWaiting = new Set<string>();

  constructor({ seed, processes, sequenceLimit, machinesSleep, focus, owners }: Schedule) {
    this.#machinesSleep = machinesSleep;
    this.#focus = focus;
    this.#retires = sequenceLimit < SEQUENCE_LIMIT;
    this.#clock = new VirtualClock({ seed });
    this.#zk = new InMemoryZooKeeper({
      clock: this.#clock,
      seed,
      tickTimeMs: 500,
      latencyMs: { min: 0, max: 5 },
      followers: SERVERS - 1,
    });
    this.#processes = Array.from({ length: processes }, (_, index) => {
      const process = this.#clock.process();
      const network = new Network(this.#zk, this.#clock, process, index % SERVERS);
      const owns = ((owners >> index) & 1) === 1;
      return new SimulatedProcess(String(index), process, network, owns, this.observer, sequenceLimit);
    });
  }

  async take({ afterMs, step }: TimedStep): Promise<void> {
    await this.#pass(afterMs);
    this.observer.note(`${this.#clock.monotonicMs().toFixed(0)} ms: ${JSON.stringify(step)}`);
    this.#do(step);
    this.#look();
  }

  /** Ends all faults, lets everybody have their turn, and checks that nothing is left. */
  async settle(): Promise<void> {
    this.observer.note("settling");
    this.#zk.lag(1, 0);
    this.#zk.isolate(1, false);
    for (const { clock, network } of this.#processes) {
      clock.resume();
      network.heal();
    }
    await this.#clock.advance(CALM_MS);
    this.#look();
    this.observer.lookAtAll(this.#beliefs());
    const waiting = this.#processes.flatMap((process) =>
      process.waiting().filter((resource) => !this.#sleepsOnADeletedTicket(process, resource)),
    );
    // A directory that is being retired is drained to its last holder.
    this.observer.lookForForgotten(this.#beliefs(), waiting, this.#retires ? 1 : PERMITS);
    for (let passedMs = 0; ; passedMs += 500) {
      for (const process of this.#processes) process.releaseAll();
      await this.#pass(500);
      const isDone = this.#processes.every(({ unsettled }) => unsettled.size === 0) && this.#tickets().length === 0;
      if (isDone) return;
      if (passedMs > SETTLE_MS) throw new BrokenPromise(`Not settled: ${this.#leftovers()}`);
    }
  }

  /** Closes all managers; nothing of theirs may be left then. */
  async close(): Promise<void> {
    // Until the schedule's own timers are over, the last outage's among them.
    await this.#clock.advance(LONGEST_OUTAGE_MS);
    const closed = Promise.all(this.#processes.map(({ manager }) => manager.close()));
    await this.#pass(3_000);
    await Promise.race([closed, Promise.reject(new BrokenPromise("close() has not settled."))]);
    // The client cannot take a watch back: one on a queue's directory stays until that changes, or goes with it.
    this.#zk.reapContainers();
    await this.#clock.advance(LOOK_EVERY_MS);
    const left = { timers: this.#clock.pending, watches: this.#watches(), listeners: this.#listeners() };
    if (left.timers + left.watches.length + left.listeners > 0) {
      throw new BrokenPromise(`Left behind: ${JSON.stringify(left)}`);
    }
    const [hazard] = this.#zk.hazards;
    if (hazard !== undefined)
      throw new BrokenPromise(`A real process would have died: ${hazard.kind}, ${hazard.atMs} ms`);
  }

  stop(): void {
    this.#zk.stop();
  }

  #tickets(): string[] {
    return this.#zk.tickets("/").map(({ path }) => path);
  }

  /** Whether it is this process's turn anywhere, in the servers' eyes. */
  #hasATurn({ network: { client } }: SimulatedProcess): boolean {
    return [...this.#queues().values()].some((queue) =>
      queue.some(({ stat }, place) => {
        const inTheWay = queue.slice(0, place).filter(({ path }) => demandOf(path) !== "shared");
        return stat.ephemeralOwner === client.client_id && inTheWay.length < PERMITS;
      }),
    );
  }

  /**
   * The last ticket of a queue, if it waits for other processes only. A holder's, or one whose turn can come within its own process
   * without a look at the queue, is the fence's to survive.
   */
  #deleteWaitingTicket(index: number): void {
    const queues = [...this.#queues().values()];
    const queue = queues[index % queues.length] ?? [];
    const last = queue.at(-1);
    if (last === undefined) return;
    const others = queue.filter(({ stat }) => stat.ephemeralOwner !== last.stat.ephemeralOwner);
    if (others.length < queue.length - 1) return;
    const countOf = (demand: Demand): number => others.filter(({ path }) => demandOf(path) === demand).length;
    const isPermit = demandOf(last.path) === "permit";
    const waitsForPermits = demandOf(last.path) !== "shared" && countOf("permit") >= (isPermit ? PERMITS : 1);
    if (countOf("exclusive") === 0 && !waitsForPermits) return;
    this.#deletedWaiting.add(placeIdOf(last));
    this.#zk.delete(last.path);
  }

  /**
   * A waiter whose ticket was deleted hears of it when it looks again, and it looks when its predecessor leaves or speaks. The
   * predecessor in a semaphore speaks only to those whom it has seen behind itself.
   */
  #sleepsOnADeletedTicket({ network }: SimulatedProcess, resource: string): boolean {
    const place = placeId(network.client.client_id, resource);
    const stands = this.#zk.tickets("/").some((ticket) => placeIdOf(ticket) === place);
    return !stands && this.#deletedWaiting.has(place);
  }

  /** The first ticket of a queue, whose owner holds, or is about to learn that it does. */
  #forceRelease(index: number, cuts: boolean): void {
    const directories = [...this.#queues().keys()];
    const directory = directories[index % directories.length];
    const [first] = this.#queues().get(directory ?? "") ?? [];
    if (directory === undefined || first === undefined) return;
    if (!cuts) return this.#deleteFirst(directory, first.path);
    const owner = this.#processes.find(({ network }) => network.client.client_id === first.stat.ephemeralOwner);
    owner?.network.cut(SHORT_CUT_MS, false);
    // Its watches, if they were not set again, are gone by then.
    this.#later(AFTER_RECONNECT_MS, () => this.#deleteFirst(directory, first.path));
  }

  #deleteFirst(directory: string, path: string): void {
    const [first, ...others] = this.#queues().get(directory) ?? [];
    if (first?.path !== path) return;
    const czxid = this.#zk.dump(directory)[0]?.stat.czxid ?? 0;
    const tokenOf = (ticket: NodeView): number => czxid + (parseTicket(ticket.path)?.sequence ?? 0);
    const readers = others.filter(
      ({ path: other, stat }) => demandOf(other) === "shared" && stat.ephemeralOwner === first.stat.ephemeralOwner,
    );
    const resource = resourceIn(directory);
    this.observer.forced(resource, tokenOf(first), readers.map(tokenOf));
    this.#zk.delete(path);
  }

  /** The tickets of each directory, in order. */
  #queues(): Map<string, NodeView[]> {
    return groupBy(this.#zk.tickets("/"), ({ path }) => path.slice(0, path.lastIndexOf("/")));
  }

  #watches(): string[] {
    return this.#zk.sessions().flatMap(({ watches }) => [...watches.data, ...watches.children]);
  }

  /** How many listeners the managers have left on their clients. */
  #listeners(): number {
    return this.#processes.reduce((count, { foreignListeners }) => count + foreignListeners, 0);
  }

  #leftovers(): string {
    const calls = this.#processes.flatMap(({ unsettled }) => [...unsettled]);
    return JSON.stringify({
      calls,
      tickets: this.#tickets(),
      holds: this.#processes.map(({ manager }) => manager.holds()),
    });
  }

  async #pass(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= LOOK_EVERY_MS) {
      await this.#clock.advance(Math.min(leftMs, LOOK_EVERY_MS));
      this.#look();
      if (this.observer.violation !== null) throw this.observer.violation;
    }
  }

  #look(): void {
    this.observer.look(this.#beliefs());
    for (const process of this.#processes) process.reconnectIfEnded();
  }

  #beliefs(): Belief[] {
    return this.#processes.flatMap((process) =>
      process.beliefs().map((belief) => ({ ...belief, process: process.name })),
    );
  }

  #process(index: number): SimulatedProcess {
    const holder = index === HOLDER ? this.#processes.find(({ manager }) => manager.holds().length > 0) : undefined;
    return holder ?? (this.#processes[index % this.#processes.length] as SimulatedProcess);
  }

  #resource({ resource }: { resource: number }): Resource {
    return RESOURCES[resource === FOCUS ? this.#focus : resource] ?? RESOURCES[0];
  }

  #do(step: Step): void {
    switch (step.do) {
      case "acquire":
        return this.#process(step.process).acquire(this.#resource(step), step.kind, step.patience);
      case "release":
        if (step.process === HOLDER) return this.#process(HOLDER).releaseAll();
        return this.#process(step.process).release(this.#resource(step), step.kind);
      case "pause": {
        const { clock } = this.#process(step.process);
        clock.pause({ machineSleeps: step.machineSleeps && this.#machinesSleep });
        this.#later(step.forMs, () => {
          clock.resume();
          // The first thing it does on waking is to look.
          this.#look();
        });
        return;
      }
      case "disconnect":
        return this.#process(step.process).network.cut(step.forMs, step.trap);
      case "partition": {
        const { network } = this.#process(step.process);
        network.block(step.way);
        return this.#later(step.forMs, () => network.unblock());
      }
      case "dropReply":
        return this.#process(step.process).network.dropReply(step.operation, step.keepOpen);
      case "delay":
        return this.#process(step.process).network.delay(step.replyMs);
      case "expire": {
        // Servers that end a session before its time are not ours to survive (the fence is): so only who holds nothing, and is
        // not about to learn that it does. A holder's session ends in this world as it does in the real one, by silence.
        const process = this.#process(step.process);
        if (process.manager.holds().length === 0 && !this.#hasATurn(process)) process.network.expire();
        return;
      }
      case "fill":
        return this.#process(step.process).fill();
      case "attach":
        return this.#process(step.process).network.attach(step.server);
      case "isolate":
        this.#zk.isolate(1);
        return this.#later(step.forMs, () => this.#zk.isolate(1, false));
      case "lag":
        return this.#zk.lag(1, step.transactions);
      case "elect":
        return this.#zk.electLeader();
      case "reap":
        this.#zk.reapContainers();
        return;
      case "deleteTicket":
        return this.#deleteWaitingTicket(step.queue);
      case "forceRelease":
        return this.#forceRelease(step.queue, step.cuts);
      case "jumpClock":
        return this.#process(step.process).clock.jumpWall(this.#machinesSleep ? Math.abs(step.byMs) : step.byMs);
      default:
        step satisfies never;
    }
  }

  /** In the world's own time; a violation there is kept for the next look. */
  #later(delayMs: number, action: () => void): void {
    this.#clock.after(delayMs, () => {
      try {
        action();
      } catch (error) {
        this.observer.violation ??= error as Error;
      }
    });
  }
}

function demandOf(path: string): Demand | undefined {
  return parseTicket(path)?.demand;
}

function resourceIn(directory: string): string {
  return resourceOf(directory.slice(directory.lastIndexOf("/") + 1)) ?? "";
}

function placeIdOf({ path, stat }: NodeView): string {
  return placeId(stat.ephemeralOwner, resourceIn(path.slice(0, path.lastIndexOf("/"))));
}

function placeId(session: string, resource: string): string {
  return `${session} ${resource}`;
}
