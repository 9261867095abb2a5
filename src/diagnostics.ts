import { channel } from "node:diagnostics_channel";
import type { Discipline } from "./queue/discipline.js";
import type { LossReason } from "./errors.js";
import type { FencingToken } from "./engine/ticket.js";

/**
 * The names of our `node:diagnostics_channel` channels. What is published on them is described by the message types
 * here; a channel without subscribers costs one comparison.
 */
export const diagnosticsChannels = {
  /** A call of `acquire`, `tryAcquire`, `hold` or `using` has got the lock, or has not: AcquireMessage. */
  acquire: "zk-lock-manager:acquire",
  /** A call waits, and how many are ahead of it is known for the first time, or has changed: WaitMessage. */
  wait: "zk-lock-manager:wait",
  /** A hold was given back: HoldMessage. */
  hold: "zk-lock-manager:hold",
  /** A hold ended against our will: LossMessage. */
  loss: "zk-lock-manager:loss",
  /** A hold began whose ticket had to wait for another one to leave: HandOverMessage. */
  handOver: "zk-lock-manager:hand-over",
} as const;

/** What each message is about. All times are in milliseconds, by a steady clock. */
export interface DiagnosticsSubject {
  /** The name of the resource. */
  readonly resource: string;
  /** How the lock is taken: exclusively, as a reader or writer, or as a permit of a semaphore. */
  readonly kind: Discipline["kind"];
}

/**
 * One call of `acquire`, `tryAcquire`, `hold` or `using`, when its outcome is known. It is published in the async
 * context of the call, so that a tracer finds the caller's span.
 */
export interface AcquireMessage extends DiagnosticsSubject {
  /** What became of the call. `too-late`: its timeout passed, or somebody else was before a call that does not wait. */
  readonly outcome: "granted" | "too-late" | "aborted" | "failed";
  /** The token of the hold, where it was granted. */
  readonly token?: FencingToken;
  /** The error that the call failed with, or the reason of its abort. */
  readonly error?: unknown;
  /** The time from the call to its outcome, in milliseconds. */
  readonly durationMs: number;
}

/** A call waits: published when its place in the queue is known, and again when that has changed. */
export interface WaitMessage extends DiagnosticsSubject {
  /** How many are ahead of the call: tickets of others, and tasks of this process. */
  readonly ahead: number;
  /** How long the call has waited by now, in milliseconds. */
  readonly waitingMs: number;
}

/** A hold was given back. */
export interface HoldMessage extends DiagnosticsSubject {
  /** The token of the hold. */
  readonly token: FencingToken;
  /** The time from the grant to the end of the hold, in milliseconds. */
  readonly heldMs: number;
}

/** A hold ended against our will. */
export interface LossMessage extends HoldMessage {
  /** Why the hold ended. */
  readonly reason: LossReason;
}

/** A hold began after another one had to end. */
export interface HandOverMessage extends DiagnosticsSubject {
  /** The token of the hold that begins. */
  readonly token: FencingToken;
  /** Whether the holder before it was a task of this very process. */
  readonly local: boolean;
  /**
   * The time to the grant, in milliseconds: since the local holder's release, or since the news of the ticket's end.
   */
  readonly durationMs: number;
}

const acquire = channel(diagnosticsChannels.acquire);
const wait = channel(diagnosticsChannels.wait);
const held = channel(diagnosticsChannels.hold);
const loss = channel(diagnosticsChannels.loss);
const handOver = channel(diagnosticsChannels.handOver);

/** A lock or hold, as far as messages need it. */
interface About {
  readonly resource: string;
  readonly discipline: Discipline;
}

function subjectOf({ resource, discipline }: About): DiagnosticsSubject {
  return { resource, kind: discipline.kind };
}

/** The part of an AcquireMessage that says what became of the call. */
export type AcquireOutcome = Pick<AcquireMessage, "outcome" | "token" | "error">;

export function publishAcquire(about: About, what: () => AcquireOutcome, durationMs: number): void {
  if (!acquire.hasSubscribers) return;
  const message: AcquireMessage = { ...subjectOf(about), ...what(), durationMs };
  acquire.publish(message);
}

export function publishWait(about: About, ahead: number, waitingMs: number): void {
  if (!wait.hasSubscribers) return;
  const message: WaitMessage = { ...subjectOf(about), ahead, waitingMs };
  wait.publish(message);
}

/** A hold is over: lost for a reason, or given back without one. */
export function publishEnd(about: About, token: FencingToken, heldMs: number, reason: LossReason | null): void {
  const target = reason === null ? held : loss;
  if (!target.hasSubscribers) return;
  const message: HoldMessage | LossMessage = { ...subjectOf(about), token, heldMs, ...(reason && { reason }) };
  target.publish(message);
}

export function publishHandOver(about: About, token: FencingToken, local: boolean, durationMs: number): void {
  if (!handOver.hasSubscribers) return;
  const message: HandOverMessage = { ...subjectOf(about), token, local, durationMs };
  handOver.publish(message);
}
