import type { TcpProxy } from "../helpers/tcp-proxy.js";
import { until } from "../helpers/until.js";

const REST_MS = 2_000;

/**
 * Ends a proxy whose clients have just been killed. Their connections close one side after the other, and a proxy must not be
 * disposed of between the two. One that cannot be ended in time goes with the process that hosts it, which goes with us.
 */
export async function retire(proxy: TcpProxy): Promise<void> {
  await proxy.resume();
  await proxy.close();
  const isIdle = async (): Promise<boolean> => (await proxy.connections()) === 0;
  const rest = { what: "the connections to go", timeoutMs: REST_MS };
  await until(isIdle, rest).catch(async () => {
    await proxy.cut();
    await until(isIdle, rest).catch(() => undefined);
  });
  let isGone = false;
  void proxy.dispose().then(() => (isGone = true));
  await until(() => isGone, { what: "the proxy to end", timeoutMs: REST_MS }).catch(() => undefined);
}
