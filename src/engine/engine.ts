import type { Clock } from "../common/clock.js";
import { Emitter } from "../common/emitter.js";
import type { LockError } from "../errors.js";
import type { QueuePort } from "./queue-port.js";
import type { Session, SessionState, SessionStatus } from "./session.js";

interface EngineEvents {
  /** In touch with the service: in a first session, in the next one, or again in the same one. */
  connected: [];
  /** Out of touch, with the lease still running. */
  suspended: [];
  /** The lease is over, or the session has ended. */
  lost: [];
  /** What was handed in to reach the service was replaced by something of the engine's own, in the same session. */
  replaced: [];
  /** A fault that no call could be told of, once each. */
  error: [error: LockError];
}

/**
 * A coordination service, as the rest of the library sees it: one session after the other, and a port for each. Events
 * are told synchronously, in the middle of what the engine does: a listener calls nothing of the user's.
 */
export abstract class Engine extends Emitter<EngineEvents> {
  #session: Session | null = null;

  /** The clock by which sessions live. It may be another one after clients of another world were handed in. */
  abstract get clock(): Clock;

  /**
   * The port of the session there is, or of the next one, if one is coming; the same object as long as the session lasts.
   * @throws SessionLostError where none is coming, ManagerClosedError, or the signal's reason
   */
  abstract port(signal: AbortSignal): Promise<QueuePort>;

  /**
   * Waits, for a few seconds at the most, until nobody has a ticket any more and what was asked is answered; then ends the
   * session, where it is the engine's to end. No session comes after it. Idempotent; never rejects.
   */
  abstract close(): Promise<void>;

  /** The current session, or the latest one; null before the first. */
  get session(): Session | null {
    return this.#session;
  }

  get status(): SessionStatus {
    const session = this.#session;
    return {
      id: session?.id ?? "",
      state: session?.state ?? "lost",
      timeoutMs: session?.timeoutMs ?? 0,
      leaseMs: session?.leaseMs ?? 0,
    };
  }

  /** To be called by the engine with each new session: passes on what becomes of it, as its owner sees it. */
  protected follow(session: Session): void {
    this.#session = session;
    let state: SessionState = "connected";
    const look = (): void => {
      const now = session.state;
      if (now === state) return;
      state = now;
      this.emit(now);
    };
    session.on("connected", look).on("disconnected", look).on("lapsed", look).on("ended", look);
    this.emit("connected");
  }
}
