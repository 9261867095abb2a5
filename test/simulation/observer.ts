import { LockError } from "../../src/index.js";
import { PERMITS } from "./schedule.js";

/** A promise of the library that a schedule has broken. */
export class BrokenPromise extends Error {
  override readonly name = "BrokenPromise";
}

export interface Belief {
  readonly process: string;
  readonly resource: string;
  readonly kind: string;
  readonly token: number;
}

/** Sees what all processes see, and checks it against the promises; it knows nothing of how they are kept. */
export class Observer {
  readonly #lastToken = new Map<string, number>();
  /** A store behind a fence, for each exclusive resource. */
  readonly #fences = new Map<string, number>();
  /** How many grants there were: a schedule that grants nothing proves nothing. */
  grants = 0;
  readonly log: string[] = [];
  /** What was seen in an event, where throwing would not reach whoever runs the schedule. */
  violation: Error | null = null;

  note(line: string): void {
    this.log.push(line);
  }

  granted(process: string, resource: string, token: number): void {
    this.grants += 1;
    this.note(`${process} granted ${resource} ${token}`);
    const last = this.#lastToken.get(resource) ?? -1;
    // A reader is granted after the writers before it, whose tokens are lower.
    const lastWriter = this.#lastToken.get(`${resource} (write)`) ?? -1;
    if ((isExclusive(resource) && token <= last) || token <= lastWriter) {
      this.violation ??= new BrokenPromise(
        `Process ${process} was granted "${resource}" with token ${token}, after ${Math.max(last, lastWriter)}.`,
      );
    }
    this.#lastToken.set(resource, Math.max(last, token));
  }

  failed(call: string, error: unknown): void {
    this.note(`${call} failed: ${String(error)}`);
    // A bare LockError is a refusal of the server's that the library has no word for: a user could make nothing of it.
    const isOurs = error instanceof LockError && error.code !== "ERR_LOCK";
    const expected = isOurs || (error instanceof Error && error.message === "aborted by the schedule");
    if (!expected) this.violation ??= error as Error;
  }

  /** All that is believed at one moment, by all processes that run. */
  look(beliefs: readonly Belief[]): void {
    for (const [resource, believers] of groupBy(beliefs, ({ resource }) => resource)) {
      const writers = believers.filter(({ kind }) => kind === "write" || kind === "mutex");
      const readers = believers.filter(({ kind }) => kind === "read");
      const permits = believers.filter(({ kind }) => kind === "semaphore");
      const others = readers.filter((reader) => writers.some((writer) => writer.process !== reader.process));
      if (writers.length > 1 || others.length > 0 || permits.length > PERMITS) {
        throw new BrokenPromise(`More than may hold "${resource}": ${JSON.stringify(believers)}`);
      }
      for (const writer of writers) this.#write(resource, writer);
    }
  }

  /**
   * After a calm: nobody may wait for what is free. `waiting` names the resource of each acquire that has not settled; `permits`
   * is how many permits of a semaphore must be held before anybody has to wait.
   */
  lookForForgotten(beliefs: readonly Belief[], waiting: readonly string[], permits: number): void {
    for (const resource of new Set(waiting)) {
      const holders = beliefs.filter((belief) => belief.resource === resource).length;
      if (holders < (resource === "pool" ? permits : 1)) {
        throw new BrokenPromise(`Somebody waits for "${resource}", which has ${holders} holders only.`);
      }
    }
  }

  /** Whoever believes to hold writes, and must not be refused. */
  #write(resource: string, { process, token }: { process: string; token: number }): void {
    const highest = this.#fences.get(resource) ?? -1;
    if (token < highest) {
      throw new BrokenPromise(
        `Process ${process} holds "${resource}" with ${token}, but the store has seen ${highest}.`,
      );
    }
    this.#fences.set(resource, token);
  }
}

function isExclusive(resource: string): boolean {
  return resource !== "document" && resource !== "pool";
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
