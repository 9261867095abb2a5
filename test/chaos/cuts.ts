import { startWorker } from "../helpers/processes.js";
import { TcpProxy } from "../helpers/tcp-proxy.js";
import { until } from "../helpers/until.js";
import { startServer } from "../helpers/zookeeper-server.js";
import { nowMs } from "./clock.js";
import type { api as cutWorkerApi } from "./cut-worker.js";
import { retire } from "./retire.js";

export interface CutsOptions {
  readonly cuts: number;
  /** Whether the manager makes its client itself, or was handed one. */
  readonly client: "own" | "adopted";
  readonly onProgress?: (line: string) => void;
}

export interface CutsResult {
  readonly holds: number;
  readonly reconnects: number;
  /** How many sessions there were; 1: the session was kept through it all. */
  readonly sessions: number;
  /** From a cut to the first hold after it, at the longest. */
  readonly longestMs: number;
  /** The hold that was taken before the first cut. */
  readonly kept: { readonly isHeld: boolean; readonly token: number | null };
  /** What the worker told beside: `replaced`, `lost`, `error`. */
  readonly events: readonly string[];
}

const SESSION_MS = 6_000;
const TASKS = 8;

/**
 * Resets the connection of a worker that locks as fast as it can, again and again, each time as soon as it has locked something
 * since the last; rejects when the worker dies of it.
 */
export async function runCuts({ cuts, client, onProgress = () => undefined }: CutsOptions): Promise<CutsResult> {
  const server = await startServer();
  const proxy = await TcpProxy.listen(server.connectString);
  const worker = await startWorker<typeof cutWorkerApi>(new URL("cut-worker.ts", import.meta.url));
  try {
    await worker.call("connect", proxy.connectString, "/cuts", SESSION_MS, client);
    await worker.call("work", TASKS);
    let longestMs = 0;
    for (let cut = 1; cut <= cuts; cut += 1) {
      const { holds, connects } = await worker.call("state");
      const cutAt = nowMs();
      await proxy.cut();
      await until(
        async () => {
          const now = await worker.call("state");
          return now.connects > connects && now.holds > holds;
        },
        { what: `a hold after cut ${cut}`, everyMs: 1, timeoutMs: 20_000 },
      );
      longestMs = Math.max(longestMs, nowMs() - cutAt);
      if (cut % 100 === 0) onProgress(`${cut} cuts`);
    }
    const { connects, kept } = await worker.call("state");
    const { holds, sessions } = await worker.call("stop");
    await worker.call("close");
    const events = worker.events.map(({ event, data }) =>
      data === undefined ? event : `${event}: ${JSON.stringify(data)}`,
    );
    return { holds, reconnects: connects, sessions: sessions.length, longestMs, kept, events };
  } finally {
    await worker.kill();
    await retire(proxy);
    await server.stop();
  }
}
