import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type AcquireMessage, diagnosticsChannels, type HoldMessage, type LossMessage } from "../../src/diagnostics.js";

/** The part of `@opentelemetry/api` that is used, so that this file compiles without the package. */
export interface Tracer {
  startSpan(name: string, options: { startTime: Date; attributes: Record<string, string | number> }): Span;
}

export interface Span {
  setStatus(status: { code: number; message?: string }): unknown;
  end(endTime?: Date): void;
}

/** SpanStatusCode.ERROR */
const ERROR = 2;

/**
 * Makes a span of each acquire and of each hold:
 *
 *     import { trace } from "@opentelemetry/api";
 *     const stop = traceLocks(trace.getTracer("zk-lock-manager"));
 *
 * The span of an acquire is a child of its caller's, for the message comes in the caller's async context. That of a hold is as
 * long as the hold was; it has no parent where the hold ended without anybody's doing. The returned function ends the tracing.
 */
export function traceLocks(tracer: Tracer): () => void {
  /** A span that ends now and began so many milliseconds ago. */
  const span = (name: string, durationMs: number, attributes: Record<string, string | number>): Span => {
    const startTime = new Date(Date.now() - durationMs);
    return tracer.startSpan(`${name} ${String(attributes["lock.resource"])}`, { startTime, attributes });
  };
  const attributesOf = ({ resource, kind, token }: AcquireMessage | HoldMessage): Record<string, string | number> => ({
    "lock.resource": resource,
    "lock.kind": kind,
    ...(token !== undefined && { "lock.token": token }),
  });

  const onAcquire = (message: unknown): void => {
    const acquire = message as AcquireMessage;
    const { outcome, error, durationMs } = acquire;
    const acquiring = span("acquire", durationMs, { ...attributesOf(acquire), "lock.outcome": outcome });
    if (outcome === "failed") acquiring.setStatus({ code: ERROR, message: String(error) });
    acquiring.end();
  };
  const onHold = (message: unknown): void => {
    const hold = message as HoldMessage;
    span("hold", hold.heldMs, attributesOf(hold)).end();
  };
  const onLoss = (message: unknown): void => {
    const loss = message as LossMessage;
    const held = span("hold", loss.heldMs, attributesOf(loss));
    held.setStatus({ code: ERROR, message: loss.reason });
    held.end();
  };

  const listeners = [
    [diagnosticsChannels.acquire, onAcquire],
    [diagnosticsChannels.hold, onHold],
    [diagnosticsChannels.loss, onLoss],
  ] as const;
  for (const [name, listener] of listeners) subscribe(name, listener);
  return () => {
    for (const [name, listener] of listeners) unsubscribe(name, listener);
  };
}
