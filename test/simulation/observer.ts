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
  readonly #lastExclusive = new Map<string, number>();
  /** A store behind a fence, for each exclusive resource. */
  readonly #fences = new Map<string, number>();
  /** Holds whose ticket an administrator has deleted: until they hear of it, they believe. */
  readonly #ended = new Set<string>();
  /** Holds that may rely on such a ticket: the reader of a writer, in its place. */
  readonly #undermined = new Set<string>();
  /** How many grants there were: a schedule that grants nothing proves nothing. */
  grants = 0;
  readonly log: string[] = [];
  /** What was seen in an event, where throwing would not reach whoever runs the schedule. */
  violation: Error | null = null;

  note(line: string): void {
    this.log.push(line);
  }

  /** An administrator has deleted the ticket of a hold, on which those of `readers` may rely. */
  forced(resource: string, token: number, readers: readonly number[]): void {
    this.note(`forced release of ${resource} ${token}`);
    this.#ended.add(idOf(resource, token));
    for (const reader of readers) this.#undermined.add(idOf(resource, reader));
  }

  granted(process: string, resource: string, kind: string, token: number): void {
    this.grants += 1;
    this.note(`${process} granted ${resource} (${kind}) ${token}`);
    if (this.#isExcused({ resource, token })) return;
    // Whoever is granted comes after all exclusive holders before it, whose tokens are lower.
    const last = this.#lastExclusive.get(resource) ?? -1;
    if (token <= last) {
      this.violation ??= new BrokenPromise(
        `Process ${process} was granted "${resource}" (${kind}) with token ${token}, after ${last}.`,
      );
    }
    if (isExclusive({ kind })) this.#lastExclusive.set(resource, token);
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
    this.#exclude(beliefs.filter((belief) => !this.#isExcused(belief)));
  }

  /** After a calm everybody has heard of what was taken from them. */
  lookAtAll(beliefs: readonly Belief[]): void {
    const deaf = beliefs.find(({ resource, token }) => this.#ended.has(idOf(resource, token)));
    if (deaf !== undefined) throw new BrokenPromise(`A forced release was never noticed: ${JSON.stringify(deaf)}`);
    this.#exclude(beliefs);
  }

  #exclude(beliefs: readonly Belief[]): void {
    for (const [resource, believers] of groupBy(beliefs, ({ resource }) => resource)) {
      const exclusive = believers.filter(isExclusive);
      const shared = believers.filter((belief) => !isExclusive(belief));
      const permits = shared.filter(({ kind }) => kind === "semaphore");
      const clash = exclusive.some((writer) => shared.some((other) => !isOwnReader(writer, other)));
      if (exclusive.length > 1 || clash || permits.length > PERMITS) {
        throw new BrokenPromise(`More than may hold "${resource}": ${JSON.stringify(believers)}`);
      }
      for (const writer of exclusive) this.#write(resource, writer);
    }
  }

  #isExcused({ resource, token }: { resource: string; token: number }): boolean {
    const id = idOf(resource, token);
    return this.#ended.has(id) || this.#undermined.has(id);
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

function idOf(resource: string, token: number): string {
  return `${resource} ${token}`;
}

function isExclusive({ kind }: { kind: string }): boolean {
  return kind === "write" || kind === "mutex";
}

/** Who has the write lock may read too. */
function isOwnReader(writer: Belief, other: Belief): boolean {
  return writer.kind === "write" && other.kind === "read" && writer.process === other.process;
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
