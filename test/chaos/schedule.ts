import { Random } from "./random.js";

/** What befalls the servers; one of these at a time. */
const SERVER_FAULTS = [
  "kill follower",
  "kill leader",
  "lose quorum",
  "stop server",
  "stop leader",
  "stop two servers",
] as const;
/** What befalls the network between the workers and the servers. */
const NETWORK_FAULTS = [
  "cut",
  "half-open",
  "half-open to server",
  "half-open to client",
  "slow",
  "hold back",
  "lose create reply",
  "lose delete reply",
  "swallow create reply",
  "swallow delete reply",
  "in pieces",
  "flapping",
] as const;
/** What befalls a worker. */
const WORKER_FAULTS = [
  "stop past session",
  "stop shortly",
  "kill worker",
  "worker leaves",
  "block event loop",
] as const;

export type ServerFault = (typeof SERVER_FAULTS)[number];
export type NetworkFault = (typeof NETWORK_FAULTS)[number];
export type WorkerFault = (typeof WORKER_FAULTS)[number];
export type FaultKind = ServerFault | NetworkFault | WorkerFault;

/** Each kind once in a while: for a run that has to have met them all. */
export const ALL_FAULTS: readonly FaultKind[] = [...SERVER_FAULTS, ...NETWORK_FAULTS, ...WORKER_FAULTS];

/** One fault to come. */
export interface PlannedFault {
  readonly kind: FaultKind;
  /** Which server, proxy or worker, as a share of all: 0 is the first. */
  readonly aim: number;
  /** Of a fault of the network: the ways to one server, all the ways of one worker, or all there are. Of workers: one, or all. */
  readonly scope: "server" | "worker" | "all";
  /** After the beginning of its round, in milliseconds. */
  readonly delayMs: number;
  readonly lastsMs: number;
}

/** Faults that overlap, and whether the workers get back to work before the next round. */
export interface Round {
  readonly faults: readonly PlannedFault[];
  readonly isFollowedByRest: boolean;
}

/**
 * The rounds that the seed decides. Every kind comes once before any comes twice: a deck of each group is shuffled and dealt,
 * and shuffled again.
 */
export class Schedule {
  readonly #random: Random;
  readonly #decks = new Map<readonly FaultKind[], FaultKind[]>();

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  next(): Round {
    const random = this.#random;
    // Network faults come in more kinds than the others, so they come more often.
    const groups: (readonly FaultKind[])[] = [random.chance(60) ? NETWORK_FAULTS : SERVER_FAULTS];
    if (random.chance(30)) groups.splice(0, 1, NETWORK_FAULTS, SERVER_FAULTS);
    if (random.chance(45)) groups.push(WORKER_FAULTS);
    return { faults: groups.map((group) => this.#plan(group)), isFollowedByRest: random.chance(75) };
  }

  #plan(group: readonly FaultKind[]): PlannedFault {
    const random = this.#random;
    const kind = this.#deal(group);
    return {
      kind,
      aim: random.next(),
      scope: random.pick(["server", "worker", "all"]),
      delayMs: random.between(0, 800),
      lastsMs: this.#lengthOf(kind),
    };
  }

  /** Many a fault outlasts the session's four seconds; the lease's two and two thirds more. */
  #lengthOf(kind: FaultKind): number {
    const random = this.#random;
    switch (kind) {
      case "cut":
      case "worker leaves":
      case "kill worker":
        return random.between(0, 300);
      case "stop past session":
        return random.between(5_000, 7_000);
      case "stop shortly":
      case "block event loop":
        return random.between(200, 3_500);
      case "kill follower":
      case "kill leader":
        return random.between(0, 3_000);
      case "slow":
      case "in pieces":
      case "flapping":
      case "lose create reply":
      case "lose delete reply":
      case "swallow create reply":
      case "swallow delete reply":
        return random.between(1_000, 3_000);
      case "lose quorum":
      case "stop server":
      case "stop leader":
      case "stop two servers":
      case "half-open":
      case "half-open to server":
      case "half-open to client":
      case "hold back":
        return random.chance(45) ? random.between(4_500, 7_500) : random.between(300, 3_500);
      default:
        return kind satisfies never;
    }
  }

  #deal(group: readonly FaultKind[]): FaultKind {
    let deck = this.#decks.get(group);
    if (deck === undefined || deck.length === 0) {
      deck = this.#shuffled(group);
      this.#decks.set(group, deck);
    }
    return deck.pop()!;
  }

  #shuffled<T>(cards: readonly T[]): T[] {
    const left = [...cards];
    return cards.map(() => left.splice(this.#random.between(0, left.length - 1), 1)[0]!);
  }
}
