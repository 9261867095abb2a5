import { LockError } from "../../src/index.js";
import { PERMITS } from "./schedule.js";

/** A promise of the library that a schedule has broken. */
export class BrokenPromise extends Error {
  override readonly name = "BrokenPromise";
}

interface Belief {
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

  note(line: string): void {
    this.log.push(line);
  }

  granted(process: string, resource: string, token: number): void {
    this.grants += 1;
    this.note(`${process} granted ${resource} ${token}`);
    const last = this.#lastToken.get(resource) ?? -1;
    if (isExclusive(resource) && token <= last) {
      throw new BrokenPromise(`Process ${process} was granted "${resource}" with token ${token}, after ${last}.`);
    }
    this.#lastToken.set(resource, Math.max(last, token));
  }

  failed(call: string, error: unknown): void {
    this.note(`${call} failed: ${String(error)}`);
    const expected =
      error instanceof LockError || (error instanceof Error && error.message === "aborted by the schedule");
    if (!expected) throw error;
  }

  /** All that is believed at one moment, by all processes that run. */
  look(beliefs: readonly (Belief & { process: string })[]): void {
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

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
