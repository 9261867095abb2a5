import type { WorkerApi, WorkerAnswer, WorkerRequest } from "./worker-protocol.js";

/**
 * Makes this process a worker: answers the calls that come over the channel from the test with the functions of `api`. The
 * process ends when the test's does.
 */
export function serve(api: WorkerApi): void {
  process.on("message", (message) => void answer(api, message as WorkerRequest));
  process.on("disconnect", () => process.exit());
  send({ ready: true });
}

/** Tells the test that something happened, whether it waits for it or not. */
export function emit(event: string, data?: unknown): void {
  send({ event, data });
}

async function answer(api: WorkerApi, { id, name, args }: WorkerRequest): Promise<void> {
  try {
    const call = api[name];
    if (!call) throw new Error(`This worker has no "${name}".`);
    send({ id, result: await call(...(args as never[])) });
  } catch (thrown) {
    const { name: kind, message, stack, ...rest } = thrown as Error;
    const { code, reason } = rest as { code?: unknown; reason?: unknown };
    send({ id, error: { name: kind, message, stack, code, reason } });
  }
}

function send(message: WorkerAnswer): void {
  process.send?.(message);
}
