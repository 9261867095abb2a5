import { expect, test } from "@jest/globals";
import { AsyncLocalStorage } from "node:async_hooks";
import { type Tracer, traceLocks } from "../../../examples/opentelemetry/tracing.js";
import { until } from "../../helpers/until.js";
import { rejection, useSetting } from "../../helpers/setting.js";

const setting = useSetting();

interface Recorded {
  readonly name: string;
  readonly startTime: Date;
  readonly attributes: Record<string, string | number>;
  readonly parent: string | undefined;
  status?: { code: number; message?: string };
  ended: boolean;
}

/** A tracer that keeps its spans, with the caller's context as OpenTelemetry's own is kept. */
function recorder(): { tracer: Tracer; spans: Recorded[]; context: AsyncLocalStorage<string> } {
  const spans: Recorded[] = [];
  const context = new AsyncLocalStorage<string>();
  const tracer: Tracer = {
    startSpan(name, options) {
      const span: Recorded = { name, ...options, parent: context.getStore(), ended: false };
      spans.push(span);
      return {
        setStatus: (status) => (span.status = status),
        end: () => (span.ended = true),
      };
    },
  };
  return { tracer, spans, context };
}

test("each acquire and each hold is a span, the acquire a child of its caller's", async () => {
  const { tracer, spans, context } = recorder();
  const stop = traceLocks(tracer);
  setting.later(stop);
  const lock = (await setting.manager()).createLock(setting.resource());
  const before = Date.now();
  const token = await context.run("the caller's span", () => lock.using((hold) => hold.token));
  const attributes = { "lock.resource": lock.resource, "lock.kind": "mutex", "lock.token": token };
  expect(spans).toMatchObject([
    {
      name: `acquire ${lock.resource}`,
      attributes: { ...attributes, "lock.outcome": "granted" },
      parent: "the caller's span",
      ended: true,
    },
    { name: `hold ${lock.resource}`, attributes, ended: true },
  ]);
  for (const { startTime } of spans) expect(startTime.getTime()).toBeGreaterThanOrEqual(before - 2);
  expect(spans.some(({ status }) => status !== undefined)).toBe(false);
  stop();
  await lock.using(() => undefined);
  expect(spans).toHaveLength(2);
});

test("a hold that is lost is a span with an error", async () => {
  const { tracer, spans } = recorder();
  setting.later(traceLocks(tracer));
  const lock = (await setting.manager()).createLock(setting.resource());
  lock.on("lost", () => undefined);
  await (await setting.manager()).forceRelease(lock.resource, await lock.acquire());
  const lost = await until(() => spans[1], { what: "the span of the hold" });
  expect(lost).toMatchObject({
    name: `hold ${lock.resource}`,
    status: { code: 2, message: "ticket-gone" },
    ended: true,
  });
  await rejection(lock.release());
});
