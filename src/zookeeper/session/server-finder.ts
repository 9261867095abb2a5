import { untilAborted } from "../../common/abort.js";
import { systemClock } from "../../common/clock.js";
import { InvalidArgumentError, LockError } from "../../errors.js";
import {
  checkLocated,
  describeUnresolved,
  type Locator,
  lookUp,
  parseServers,
  type ResolvedServers,
  type Servers,
} from "./addresses.js";
import { type Finding, probeServers } from "./prober.js";

/** What keeps us from a session. */
export interface Trouble {
  /** A sentence or two, with what to do. */
  readonly what: string;
  readonly cause?: unknown;
  /** No waiting helps. */
  readonly isFinal: boolean;
}

/** A locator that has not answered by then has failed; it is asked again. */
const LOCATOR_PATIENCE_MS = 10_000;
/** A session that waits to be carried on has no time for that: where the servers were last is the better guess. */
const RESUME_PATIENCE_MS = 1_000;

/** Finds the servers, each time anew, and knows why it does not. */
export class ServerFinder {
  #latest: ResolvedServers | null = null;
  #failure: unknown = null;
  #isAsking = false;
  /** The locator's outage has been told. */
  #isTold = false;

  constructor(
    private readonly servers: string | Locator,
    private readonly onLocatorFailure: (error: LockError) => void,
  ) {}

  /** @throws LockError for the time being, InvalidArgumentError for good */
  async find(patienceMs = LOCATOR_PATIENCE_MS): Promise<ResolvedServers> {
    try {
      this.#latest = await lookUp(await this.#locate(patienceMs));
      this.#failure = null;
      return this.#latest;
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** Where they are, or where they were last. */
  async findOrRemember(): Promise<ResolvedServers> {
    try {
      return await this.find(RESUME_PATIENCE_MS);
    } catch (error) {
      if (this.#latest === null) throw error;
      return this.#latest;
    }
  }

  /** Why no session comes about. */
  async trouble(): Promise<Trouble | null> {
    if (this.#isAsking) return { what: "The locator has not answered.", isFinal: false };
    const failure = this.#failure;
    if (failure !== null) {
      const { message, cause } = failure as LockError;
      return { what: message, cause, isFinal: failure instanceof InvalidArgumentError };
    }
    if (this.#latest === null) return null;
    return this.#ofServers(this.#latest);
  }

  async #ofServers({ addresses, unresolved }: ResolvedServers): Promise<Trouble> {
    const findings: Finding[] = [
      ...(await probeServers(addresses)),
      ...unresolved.map(({ address, error }) => ({
        what: describeUnresolved(address, error),
        cause: error,
        isStranger: false,
      })),
    ];
    return {
      what: findings.map(({ what }) => what).join(" "),
      cause: findings.find(({ cause }) => cause !== undefined)?.cause,
      isFinal: findings.every(({ isStranger }) => isStranger),
    };
  }

  async #locate(patienceMs: number): Promise<Servers> {
    if (typeof this.servers === "string") return parseServers(this.servers);
    this.#isAsking = true;
    try {
      const located = checkLocated(await this.#ask(this.servers, patienceMs));
      this.#isTold = false;
      return located;
    } catch (error) {
      const failure = error instanceof LockError ? error : locatorFailed(error);
      if (!this.#isTold) this.onLocatorFailure(failure);
      this.#isTold = true;
      throw failure;
    } finally {
      this.#isAsking = false;
    }
  }

  async #ask(locator: Locator, patienceMs: number): Promise<unknown> {
    const late = new AbortController();
    const unhook = systemClock.after(patienceMs, () =>
      late.abort(new LockError(`The locator has not answered within ${patienceMs} ms.`)),
    );
    try {
      return await untilAborted(Promise.resolve(locator()), late.signal);
    } finally {
      unhook();
    }
  }
}

function locatorFailed(cause: unknown): LockError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new LockError(`The locator failed: ${reason.replace(/\.$/, "")}.`, { cause });
}
