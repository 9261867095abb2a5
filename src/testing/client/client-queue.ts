import type { Request, Result } from "../protocol/messages.js";

/** A request that has not been answered. */
export interface Pending {
  readonly xid: number;
  readonly request: Request;
  readonly finish: (result: Result) => void;
}

/** A credential: it has no place in the order of requests, and is sent again on each new connection. */
export interface Credentials {
  readonly scheme: string;
  readonly secret: string;
  finish: ((result: Result) => void) | null;
}

/** What a client has been asked to do and has no answer to. */
export class ClientQueue {
  /** In the order of the requests, sent or not: answers are expected in this order. */
  #pending: Pending[] = [];
  #unsent: Pending[] = [];
  readonly #credentials: Credentials[] = [];
  #unsentCredentials: Credentials[] = [];
  #lastXid = 0;

  get length(): number {
    return this.#pending.length;
  }

  /** Whether a swallowed reply could be missed only later: something waits that has been sent. */
  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  add(request: Request, finish: (result: Result) => void): Pending {
    const pending = { xid: ++this.#lastXid, request, finish };
    this.#pending.push(pending);
    return pending;
  }

  keepForLater(pending: Pending): void {
    this.#unsent.push(pending);
  }

  addCredentials(credentials: Credentials): void {
    this.#credentials.push(credentials);
    this.#unsentCredentials.push(credentials);
  }

  /** The request that an answer is for; null if it is not the one that had to be next. */
  answeredBy(xid: number): Pending | null {
    return this.#pending[0]?.xid === xid ? (this.#pending.shift() as Pending) : null;
  }

  /** What could not be sent before, for the first send on a new connection. */
  takeUnsent(): Pending[] {
    return this.#unsent.splice(0);
  }

  /** `all`: a new connection, which has to hear each of them. */
  takeCredentials(all: boolean): readonly Credentials[] {
    const credentials = all ? this.#credentials : this.#unsentCredentials;
    this.#unsentCredentials = [];
    return credentials;
  }

  /** The callbacks of the credentials that are waiting for an answer; the client calls them all at the first. */
  takeCredentialCallbacks(): ((result: Result) => void)[] {
    const callbacks = this.#credentials.flatMap(({ finish }) => finish ?? []);
    for (const credentials of this.#credentials) credentials.finish = null;
    return callbacks;
  }

  /** Everything that waits: the connection is gone. */
  takeAll(): ((result: Result) => void)[] {
    const callbacks = this.#pending.map(({ finish }) => finish);
    this.#pending = [];
    this.#unsent = [];
    return [...this.takeCredentialCallbacks(), ...callbacks];
  }
}
