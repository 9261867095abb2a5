import { afterEach, expect, test } from "@jest/globals";
import type { api as cutWorkerApi } from "../../chaos/cut-worker.js";
import { runCuts } from "../../chaos/cuts.js";
import { retire } from "../../chaos/retire.js";
import { noLeaks } from "../../helpers/leaks.js";
import { startWorker, type WorkerProcess } from "../../helpers/processes.js";
import { TcpProxy } from "../../helpers/tcp-proxy.js";
import { until } from "../../helpers/until.js";

const CUTS = 300;
const TEST_TIMEOUT_MS = 120_000;
const SERVER = process.env["ZK_TEST_CONNECT"] ?? "";
const SESSION_MS = 6_000;
const OUTAGE_MS = 300;
const BACK_WITHIN_MS = 1_000;

type CutWorker = WorkerProcess<typeof cutWorkerApi>;

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
const root = `/cuts-${process.pid}`;
afterEach(noLeaks({ root, graceMs: SESSION_MS + 2_000 }));

async function workerBehind(client: "own" | "adopted"): Promise<{ proxy: TcpProxy; worker: CutWorker }> {
  const proxy = await TcpProxy.listen(SERVER);
  cleanUps.push(() => retire(proxy));
  const worker = await startWorker<typeof cutWorkerApi>(new URL("../../chaos/cut-worker.ts", import.meta.url));
  cleanUps.push(() => worker.kill());
  await worker.call("connect", proxy.connectString, root, SESSION_MS, client);
  return { proxy, worker };
}

test(
  `a process under load lives through ${CUTS} resets of its connection, in one session, with its hold`,
  async () => {
    const { sessions, kept, events, reconnects } = await runCuts({ cuts: CUTS, client: "own" });
    expect({ sessions, events, isHeld: kept.isHeld }).toEqual({ sessions: 1, events: [], isHeld: true });
    expect(reconnects).toBeGreaterThanOrEqual(CUTS);
  },
  TEST_TIMEOUT_MS,
);

test(
  `so does one whose client was handed to it: the manager goes on with one of its own, and says so`,
  async () => {
    const { sessions, kept, events } = await runCuts({ cuts: CUTS, client: "adopted" });
    expect({ sessions, isHeld: kept.isHeld }).toEqual({ sessions: 1, isHeld: true });
    expect(events).toEqual(["replaced"]);
  },
  TEST_TIMEOUT_MS,
);

async function expectQuickReturn(proxy: TcpProxy, worker: CutWorker): Promise<void> {
  const before = await worker.call("state");
  await proxy.close();
  await proxy.cut();
  await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
  await proxy.reopen();
  const backAt = performance.now();
  await until(async () => (await worker.call("state")).connects > before.connects, {
    what: "the manager to be in touch again",
    everyMs: 5,
  });
  expect(performance.now() - backAt).toBeLessThan(BACK_WITHIN_MS);
  const after = await worker.call("state");
  expect(after.session.state).toBe("connected");
  expect(after.sessions).toEqual(before.sessions);
  expect(after.kept).toEqual({ isHeld: true, token: before.kept.token });
}

test.each(["idle", "busy"])(
  "an outage of 300 ms costs a manager that is %s less than a second more, and neither its session nor its hold",
  async (load) => {
    const { proxy, worker } = await workerBehind("own");
    if (load === "busy") await worker.call("work", 8);
    await expectQuickReturn(proxy, worker);
    await worker.call("stop");
    await worker.call("close");
    expect(worker.events).toEqual([]);
  },
);

test("so it is with a manager that was handed a client, as soon as it has replaced it", async () => {
  const { proxy, worker } = await workerBehind("adopted");
  await worker.call("work", 8);
  for (let replaced = false; !replaced;) {
    const { holds } = await worker.call("state");
    await proxy.cut();
    await until(async () => (await worker.call("state")).holds > holds, { what: "a hold after the cut", everyMs: 1 });
    replaced = worker.events.some(({ event }) => event === "replaced");
  }
  await expectQuickReturn(proxy, worker);
  await worker.call("stop");
  await worker.call("close");
  expect(worker.events.map(({ event }) => event)).toEqual(["replaced"]);
});
