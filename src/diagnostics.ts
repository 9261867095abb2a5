import { channel } from "node:diagnostics_channel";
import type { Discipline } from "./queue/discipline.js";
import type { LossReason } from "./errors.js";
import type { FencingToken } from "./engine/ticket.js";

/**
 * The names of our `node:diagnostics_channel` channels. What is published on them is described by the message types here; a
 * channel without subscribers costs one comparison.
 */
export const diagnosticsChannels = {
  /** A call of `acquire`, `tryAcquire` or `using` has got the lock, or has not: AcquireMessage. */
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
  readonly resource: string;
  readonly kind: Discipline["kind"];
}

/** Published in the async context of the call, so that a tracer finds the caller's span. */
export interface AcquireMessage extends DiagnosticsSubject {
  /** `too-late`: its time was over, or it had none and somebody else was before it. */
  readonly outcome: "granted" | "too-late" | "aborted" | "failed";
  /** Of the hold, where it was granted. */
  readonly token?: FencingToken;
  /** What it failed with, or the reason of its abort. */
  readonly error?: unknown;
  /** From the call to its outcome. */
  readonly durationMs: number;
}

export interface WaitMessage extends DiagnosticsSubject {
  readonly ahead: number;
  /** How long the call has waited by now. */
  readonly waitingMs: number;
}

export interface HoldMessage extends DiagnosticsSubject {
  readonly token: FencingToken;
  /** From the grant to the release. */
  readonly heldMs: number;
}

export interface LossMessage extends HoldMessage {
  readonly reason: LossReason;
}

export interface HandOverMessage extends DiagnosticsSubject {
  /** Of the hold that begins. */
  readonly token: FencingToken;
  /** Whether the holder before it was a task of this very process. */
  readonly local: boolean;
  /** Until the grant: since the local holder's release, or since the news that the ticket before ours is gone. */
  readonly durationMs: number;
}

const acquire = channel(diagnosticsChannels.acquire);
const wait = channel(diagnosticsChannels.wait);
const held = channel(diagnosticsChannels.hold);
const loss = channel(diagnosticsChannels.loss);
const handOver = channel(diagnosticsChannels.handOver);

/** What knows its resource and its kind. */
interface About {
  readonly resource: string;
  readonly discipline: Discipline;
}

function subjectOf({ resource, discipline }: About): DiagnosticsSubject {
  return { resource, kind: discipline.kind };
}

/** What became of a call: its part of the message. */
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
