import { Semaphore } from "async-mutex";
import { bounded } from "../common/bounded.js";
import type { Clock } from "../common/clock.js";
import { retold, SessionLostError } from "../errors.js";
import { FEW } from "../common/few-at-a-time.js";
import type { Engine } from "../engine/engine.js";
import { insist } from "../engine/until-answered.js";
import type { LookPort, QueuePort, Settings, TicketContent, Version } from "../engine/queue-port.js";
import type { Listing } from "../engine/ticket.js";

/** Before a request whose reply was lost is sent again. */
const PAUSE_MS = 50;

/**
 * A port for questions that no hold depends on. A request whose reply was lost is sent again after the reconnect; a few are under
 * way at a time, however many are asked for. Each is answered, or rejects with SessionLostError: when the session has ended, or when
 * nobody has answered for a session timeout.
 */
export class PatientPort implements LookPort {
  readonly #turns = new Semaphore(FEW);

  constructor(
    private readonly port: QueuePort,
    private readonly clock: Clock,
  ) {}

  list(queue: string): Promise<Listing> {
    return this.#answer(() => this.port.list(queue));
  }

  read(ref: string): Promise<TicketContent | null> {
    return this.#answer(() => this.port.read(ref));
  }

  settings(queue: string): Promise<Settings | null> {
    return this.#answer(() => this.port.settings(queue));
  }

  write(ref: string, data: Buffer, version: Version): Promise<boolean> {
    return this.#answer(() => this.port.write(ref, data, version));
  }

  remove(ref: string): Promise<void> {
    return this.#answer(() => this.port.remove(ref));
  }

  queues(root: string): Promise<readonly string[]> {
    return this.#answer(() => this.port.queues(root));
  }

  #answer<T>(ask: () => Promise<T>): Promise<T> {
    const { session } = this.port;
    const { clock } = this;
    const pause = (): Promise<void> => new Promise((resolve) => clock.after(PAUSE_MS, resolve));
    return this.#turns.runExclusive(() => {
      let isLate = false;
      const giveUp = (): never => {
        isLate = true;
        throw unanswered(session.timeoutMs);
      };
      const askInTime = (): Promise<T> => (isLate ? Promise.reject(unanswered(session.timeoutMs)) : ask());
      return bounded(insist(askInTime, session, pause), session.timeoutMs, clock, giveUp);
    });
  }
}

/** Those of one manager, one for each session. */
export class PatientPorts {
  readonly #ports = new WeakMap<QueuePort, PatientPort>();

  /** @param firstTimeoutMs how long a session is waited for before there has been any, in milliseconds */
  constructor(
    private readonly engine: Engine,
    private readonly firstTimeoutMs: number,
  ) {}

  /** @throws SessionLostError where there is no session, and none comes within the session timeout */
  async get(): Promise<PatientPort> {
    const { clock, session } = this.engine;
    const timeoutMs = session?.timeoutMs ?? this.firstTimeoutMs;
    const giveUp = new AbortController();
    const cancel = clock.after(timeoutMs, () => giveUp.abort(unanswered(timeoutMs)));
    try {
      const port = await this.engine.port(giveUp.signal);
      const patient = this.#ports.get(port) ?? new PatientPort(port, clock);
      this.#ports.set(port, patient);
      return patient;
    } finally {
      cancel();
    }
  }

  /** What `ask` finds out; an error names the resource, and is made here, where the caller's stack is visible. */
  async ask<T>(resource: string | undefined, ask: (port: LookPort) => Promise<T>): Promise<T> {
    try {
      return await ask(await this.get());
    } catch (error) {
      throw retold(error, resource);
    }
  }
}

function unanswered(timeoutMs: number): SessionLostError {
  return new SessionLostError(
    `ZooKeeper has not answered within the session timeout of ${timeoutMs} ms. Ask again when the manager is connected.`,
  );
}
