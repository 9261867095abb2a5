/** One line of the core made wrong on purpose: the simulation has to notice. */
export interface Mutation {
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    what: "take the predecessor's end for our turn, without listing again",
    file: "queue/contender.ts",
    from: "if (this.#isLeaving(obstacle)) break;",
    to: "break;",
  },
  {
    what: "after a lost reply, take another ticket without looking for the first",
    file: "queue/own-ticket.ts",
    from: "const found = await insist(() => this.#resume(), this.port.session, pause);",
    to: "await insist(() => this.#resume(), this.port.session, pause); const found = null as Listing | null; this.#ref = null;",
  },
  {
    what: "after a lost reply, look for the ticket on a server that may lag",
    file: "zookeeper/nodes/zookeeper-queue.ts",
    from: "await Promise.all([this.confirm(directory), this.list(directory)]);",
    to: "[null, await this.list(directory)];",
  },
  {
    what: "take more tickets than a session can end",
    file: "engine/session.ts",
    from: "if (this.#ticketBytes + bytes > MAX_TICKET_BYTES) {",
    to: "if (this.#ticketBytes + bytes > 2 * MAX_TICKET_BYTES) {",
  },
  {
    what: "a lease as long as the session",
    file: "engine/session.ts",
    from: "this.leaseDurationMs = Math.floor((timeoutMs * 2) / 3);",
    to: "this.leaseDurationMs = timeoutMs * 1.5;",
  },
  {
    what: "keep the lease alive by reads",
    file: "zookeeper/session/keep-alive.ts",
    from: "? probe(link, probePath)",
    to: "? link.request((calls, done) => calls.a_get_children2(probePath, false, (code) => done(code, null)))",
  },
  {
    what: "ignore the wall clock",
    file: "common/clock.ts",
    from: "return Math.max(to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs);",
    to: "return to.monotonicMs - from.monotonicMs;",
  },
  {
    what: "go on holding when the lease is over",
    file: "hold/hold.ts",
    from: 'readonly #onLapsed = (): void => this.lose("lease-over");',
    to: "readonly #onLapsed = (): void => undefined;",
  },
  {
    what: "grant without asking the clock",
    file: "queue/contender.ts",
    from: "while (session.leaseMs <= 0) {",
    to: "while (session.ended) {",
  },
  {
    what: "give a withdrawal up at the first lost connection",
    file: "queue/own-ticket.ts",
    from: "handedOver.resolve();\n          await this.options.pause();",
    to: "handedOver.resolve(); isGone = true;\n          await this.options.pause();",
  },
  {
    what: "tokens from the sequence alone",
    file: "zookeeper/nodes/ticket-names.ts",
    from: "const token = directoryCzxid + sequence;",
    to: "const token = directoryCzxid * 0 + sequence;",
  },
  {
    what: "let readers pass waiting writers",
    file: "queue/discipline.ts",
    from: 'queue.slice(0, ahead).findLast(({ demand }) => demand === "exclusive") ?? null',
    to: 'queue.slice(0, Math.min(ahead, 1)).findLast(({ demand }) => demand === "exclusive") ?? null',
  },
  {
    what: "give a permit while a mutex or the write lock is held",
    file: "queue/discipline.ts",
    from: "if (exclusive !== null) return exclusive;",
    to: "",
  },
  {
    what: "watch a held ticket once, and not again after a reconnect",
    file: "hold/ticket-guard.ts",
    from: 'this.port.session.on("connected", this.#look);',
    to: "",
  },
  {
    what: "miss who leaves between a semaphore's waiter's look at the queue and its watch",
    file: "queue/contender.ts",
    from: "if (place?.ahead !== this.#standing?.place.ahead) onEvent();",
    to: "",
  },
  {
    what: "announce a permit only where it had to be waited for",
    file: "hold/announcements.ts",
    from: "else if (waited || isFollowed) announce();",
    to: "else if (waited) announce();",
  },
  {
    what: "sleep through a reconnect",
    file: "queue/contender.ts",
    from: 'session.on("connected", woken).on("ended", ended);',
    to: 'session.on("ended", ended);',
  },
  {
    what: "go on waiting when our ticket has been deleted",
    file: "queue/contender.ts",
    from: "if (place !== null) return place;",
    to: "if (place !== null || this.#standing) return place ?? (this.#standing as Standing).place;",
  },
  {
    what: "forget the delete on release",
    file: "hold/hold.ts",
    from: "if (this.#dependent === null) await this.contender.leave();",
    to: "if (this.#dependent === null) return;",
  },
];
