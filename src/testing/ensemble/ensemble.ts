import type { Clock } from "../../common/clock.js";
import { Code } from "../protocol/codes.js";
import { Draft } from "./draft.js";
import { type Author, Leader, type Nodes } from "./leader.js";
import type { Result, Write } from "../protocol/messages.js";
import { parentOf } from "../protocol/path.js";
import type { Random } from "../time/random.js";
import { Replication } from "./replication.js";
import { Server } from "./server.js";
import { type Session, Sessions } from "./sessions.js";
import type { Change } from "./transaction.js";
import { NOBODY } from "./znode.js";
import { ZxidCounter } from "./zxid-counter.js";

export interface EnsembleOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly followers: number;
  readonly tickTimeMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  readonly counters: Readonly<Record<string, number>>;
  readonly epoch: number;
  readonly firstZxid: number | undefined;
}

/**
 * A session is ended by one transaction that names its ephemeral nodes, with four bytes of length for each. What is
 * longer than this no real server reads back from its log, nor from its leader (ZOOKEEPER-4306).
 */
const LONGEST_END_OF_SESSION = 2 ** 20 - 1;
const BYTES_PER_PATH = 4;

/** The servers as one: a leader that decides, followers that come after, and the sessions. */
export class Ensemble {
  readonly servers: readonly Server[];
  readonly replication: Replication;
  readonly sessions: Sessions;
  /** True: every write is refused, as by a server that has lost its quorum. */
  isReadOnly = false;
  /** Servers whose messages to the leader are lost: they answer reads, and nobody hears of their clients. */
  readonly isolated = new Set<Server>();
  #hasDied = false;
  readonly #leader: Leader;
  readonly #zxids: ZxidCounter;
  readonly #startCounters: Map<string, number>;

  /** @param onTooLarge is told of a session whose end has killed the servers */
  constructor(
    readonly options: EnsembleOptions,
    private readonly onTooLarge: (sessionId: string) => void,
  ) {
    const { clock, random, tickTimeMs } = options;
    this.#zxids = new ZxidCounter(options.epoch, options.firstZxid);
    this.#startCounters = new Map(Object.entries(options.counters));
    const leader = new Server(0, this.#zxids.last, random);
    const followers = Array.from(
      { length: options.followers },
      (_, place) => new Server(place + 1, this.#zxids.last, random),
    );
    this.servers = [leader, ...followers];
    this.replication = new Replication(leader, followers);
    this.#leader = new Leader(leader.tree, () => Math.floor(clock.monotonicMs()));
    this.sessions = new Sessions(clock, tickTimeMs, random, (session) => this.endSession(session));
  }

  /** The leader, whose tree is the truth. */
  get leader(): Server {
    return this.servers[0] as Server;
  }

  /**
   * True: a session that was too large to be ended has killed the servers, and will again whenever they are started.
   */
  get hasDied(): boolean {
    return this.#hasDied;
  }

  get lastZxid(): number {
    return this.#zxids.last;
  }

  openSession(askedTimeoutMs: number): Session {
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.options;
    this.#commit({ type: "nothing" });
    return this.sessions.open(Math.min(Math.max(askedTimeoutMs, minSessionTimeoutMs), maxSessionTimeoutMs));
  }

  /** Ends a session for good: its ephemeral nodes go, in one transaction, and whoever carries it is cut off. */
  endSession(session: Session): void {
    if (this.#hasDied || this.sessions.get(session.id) !== session) return;
    const paths = this.leader.tree.ephemeralsOf(session.id);
    const bytes = paths.reduce((sum, path) => sum + Buffer.byteLength(path) + BYTES_PER_PATH, 0);
    if (bytes > LONGEST_END_OF_SESSION) return this.#die(session.id);
    this.sessions.remove(session.id);
    this.#commit({ type: "endSession", sessionId: session.id });
    session.carrier?.end();
  }

  /** Decides on a write and carries it out on all servers that do not lag. A refusal, too, is a transaction. */
  write(write: Write, author: Author): Result {
    if (this.isReadOnly) return { code: Code.notReadOnly };
    const decision = this.#leader.decide(write, author);
    if (decision.type === "refused") {
      this.#commit({ type: "nothing" });
      return { code: decision.code };
    }
    if (decision.type === "create" && decision.owner !== NOBODY && this.sessions.get(decision.owner) === undefined) {
      return { code: Code.sessionExpired };
    }
    this.#commit(decision);
    if (decision.type === "create") this.#startCounter(decision.path);
    return resultOf(decision, this.leader.tree, author);
  }

  /** Carries out all of the writes, in one transaction, or none. */
  writeAll(writes: readonly Write[], author: Author): Result {
    if (this.isReadOnly) return { code: Code.notReadOnly };
    const stamp = { zxid: this.#zxids.next(), timeMs: this.#nowMs() };
    const draft = new Draft(this.leader.tree);
    const changes: Change[] = [];
    const results: Result[] = [];
    for (const write of writes) {
      const decision = this.#leader.decide(write, author, draft);
      if (decision.type === "refused") {
        this.replication.record({ ...stamp, type: "nothing" });
        return { code: Code.ok, results: failedAt(results.length, decision.code, writes.length) };
      }
      draft.apply({ ...stamp, ...decision });
      changes.push(decision);
      results.push(resultOf(decision, draft, author));
    }
    this.replication.record({ ...stamp, type: "multi", changes });
    for (const change of changes) if (change.type === "create") this.#startCounter(change.path);
    return { code: Code.ok, results };
  }

  /** Deletes the empty containers that have had a child, as a real leader does once a minute. */
  reapContainers(): string[] {
    const { tree } = this.leader;
    const reaped: string[] = [];
    for (const path of [...tree.containers].reverse()) {
      const node = tree.get(path);
      if (node === undefined || node.children.size > 0 || node.creates === 0) continue;
      this.#commit({ type: "delete", path });
      reaped.push(path);
    }
    return reaped;
  }

  /** Deletes a node and all below it, children first, each in a transaction of its own. */
  deleteAll(path: string): number {
    const node = this.leader.tree.get(path);
    if (node === undefined) return 0;
    let deleted = 0;
    for (const name of [...node.children]) deleted += this.deleteAll(path === "/" ? `/${name}` : `${path}/${name}`);
    if (parentOf(path) === path) return deleted;
    this.#commit({ type: "delete", path });
    return deleted + 1;
  }

  /** A new leader: transactions are numbered from a new epoch, and every session starts its timeout anew. */
  electLeader(): void {
    this.#zxids.nextEpoch();
    const nowMs = this.options.clock.monotonicMs();
    for (const session of this.sessions.all) session.touch(nowMs, false);
  }

  /** No server serves anybody any more: sessions do not end, and nobody can connect. */
  #die(sessionId: string): void {
    this.#hasDied = true;
    this.sessions.freeze();
    this.onTooLarge(sessionId);
    for (const session of this.sessions.all) session.carrier?.end();
  }

  #startCounter(path: string): void {
    const start = this.#startCounters.get(path);
    if (start === undefined) return;
    this.#startCounters.delete(path);
    // As many children have come and gone: each took a zxid when it came.
    this.#zxids.skip(start);
    for (const { tree } of this.servers) {
      const node = tree.get(path);
      if (node !== undefined) node.creates = start;
    }
  }

  #commit(change: Change): void {
    this.replication.record({ zxid: this.#zxids.next(), timeMs: this.#nowMs(), ...change });
  }

  #nowMs(): number {
    return Math.floor(this.options.clock.wallMs());
  }
}

function resultOf(change: Change, nodes: Nodes, author: Author): Result {
  const path = "path" in change ? change.path : undefined;
  const node = path === undefined ? undefined : nodes.get(path);
  return { code: Code.ok, ...(path !== undefined && { path }), ...(node && { stat: node.stat(author.sessionId) }) };
}

/**
 * What a multi answers of which one part is refused: those before it would have done well, those after it were not
 * tried.
 */
function failedAt(place: number, code: number, count: number): Result[] {
  return Array.from({ length: count }, (_, index) => ({
    code: index < place ? Code.ok : index === place ? code : Code.runtimeInconsistency,
  }));
}
