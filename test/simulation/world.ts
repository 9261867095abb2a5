import { InMemoryZooKeeper, VirtualClock } from "../../src/testing/index.js";
import { BrokenPromise, Observer } from "./observer.js";
import { HOLDER, type Schedule, type Step, type TimedStep } from "./schedule.js";
import { SimulatedProcess } from "./simulated-process.js";

/** How often everybody is asked what they believe: finer than any outage. */
const LOOK_EVERY_MS = 25;
/** After the last fault everything has to settle within this much virtual time. */
const SETTLE_MS = 120_000;

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
  #violation: Error | null = null;

  constructor({ seed, processes, sequenceLimit, machinesSleep }: Schedule) {
    this.#machinesSleep = machinesSleep;
    this.#clock = new VirtualClock({ seed });
    this.#zk = new InMemoryZooKeeper({
      clock: this.#clock,
      seed,
      tickTimeMs: 500,
      latencyMs: { min: 0, max: 5 },
      followers: 1,
    });
    this.#processes = Array.from(
      { length: processes },
      (_, index) => new SimulatedProcess(String(index), this.#clock.process(), this.#zk, this.observer, sequenceLimit),
    );
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
    for (const { clock, client } of this.#processes) {
      clock.resume();
      this.#zk.heal(client);
      this.#zk.reconnect(client);
      this.#zk.delay(client, 0);
    }
    for (let passedMs = 0; ; passedMs += 500) {
      for (const process of this.#processes) process.releaseAll();
      await this.#pass(500);
      const isDone = this.#processes.every(({ unsettled }) => unsettled.size === 0) && this.#tickets().length === 0;
      if (isDone) return;
      if (passedMs > SETTLE_MS) throw new BrokenPromise(`Not settled: ${this.#leftovers()}`);
    }
  }

  async close(): Promise<void> {
    const closed = Promise.all(this.#processes.map(({ manager }) => manager.close()));
    await this.#pass(3_000);
    await Promise.race([closed, Promise.reject(new BrokenPromise("close() has not settled."))]);
  }

  stop(): void {
    this.#zk.stop();
  }

  #tickets(): string[] {
    return this.#zk.tickets("/").map(({ path }) => path);
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
      if (this.#violation !== null) throw this.#violation;
    }
  }

  #look(): void {
    this.observer.look(
      this.#processes.flatMap((process) => process.beliefs().map((belief) => ({ ...belief, process: process.name }))),
    );
    for (const process of this.#processes) process.reconnectIfEnded();
  }

  #process(index: number): SimulatedProcess {
    const holder = index === HOLDER ? this.#processes.find(({ manager }) => manager.holds().length > 0) : undefined;
    return holder ?? (this.#processes[index % this.#processes.length] as SimulatedProcess);
  }

  #do(step: Step): void {
    switch (step.do) {
      case "acquire":
        return this.#process(step.process).acquire(step.resource, step.writes, step.patience);
      case "release":
        if (step.process === HOLDER) return this.#process(HOLDER).releaseAll();
        return this.#process(step.process).release(step.resource, step.writes);
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
        return this.#zk.disconnect(this.#process(step.process).client, { forMs: step.forMs });
      case "partition": {
        const { client } = this.#process(step.process);
        this.#zk.partition(client, step.way);
        this.#later(step.forMs, () => this.#zk.heal(client));
        return;
      }
      case "dropReply":
        this.#zk.dropReply(this.#process(step.process).client, step.operation, { keepOpen: step.keepOpen });
        return;
      case "delay":
        return this.#zk.delay(this.#process(step.process).client, step.replyMs);
      case "expire": {
        // Servers that end a session before its time are not ours to survive (the fence is): so only who holds nothing. A
        // holder's session ends in this world as it does in the real one, by silence.
        const process = this.#process(step.process);
        if (process.manager.holds().length === 0) this.#zk.expire(process.client);
        return;
      }
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
        this.#violation ??= error as Error;
      }
    });
  }
}
