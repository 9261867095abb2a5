import { ProxyServer, type SwallowOptions, type Way } from "./proxy-server.js";
import { serve } from "./worker-side.js";
import type { Opcode, ReplyHeader, RequestHeader } from "./zookeeper-frames.js";

/**
 * The process in which the proxies of a test run. Not the test's own: the native client's `close()` blocks its event loop
 * until the server has answered, and would wait in vain for an answer that a proxy in the same loop has to pass on.
 */
const proxies = new Map<number, ProxyServer>();
const traps = new Map<number, Promise<ReplyHeader | RequestHeader | void>>();
let lastTrap = 0;

function at(port: number): ProxyServer {
  const proxy = proxies.get(port);
  if (!proxy) throw new Error(`The proxy on port ${port} was disposed of.`);
  return proxy;
}

/** A trap is set when the call returns; when it springs is another call, `sprung`. */
function set(trap: Promise<ReplyHeader | RequestHeader | void>): number {
  lastTrap += 1;
  traps.set(lastTrap, trap);
  return lastTrap;
}

export const api = {
  listen: async (target: string) => {
    const proxy = await ProxyServer.listen(target);
    proxies.set(proxy.port, proxy);
    return proxy.port;
  },
  connections: (port: number) => at(port).connections,
  requestCount: (port: number, operation: Opcode) => at(port).requestCount(operation),
  forgetRequests: (port: number) => at(port).forgetRequests(),
  cut: (port: number) => at(port).cut(),
  hangUp: (port: number) => at(port).hangUp(),
  close: (port: number) => at(port).close(),
  reopen: (port: number) => at(port).reopen(),
  pause: (port: number, way: Way) => at(port).pause(way),
  blackhole: (port: number, way: Way) => at(port).blackhole(way),
  resume: (port: number) => at(port).resume(),
  delay: (port: number, delayMs: number, way: Way) => at(port).delay(delayMs, way),
  chunk: (port: number, chunkBytes: number, way: Way) => at(port).chunk(chunkBytes, way),
  swallowReply: (port: number, operation: Opcode, how: SwallowOptions) => set(at(port).swallowReply(operation, how)),
  swallowRequest: (port: number, operation: Opcode, how: SwallowOptions) =>
    set(at(port).swallowRequest(operation, how)),
  expireNext: (port: number) => set(at(port).expireNext()),
  sprung: async (trap: number) => {
    const header = await traps.get(trap);
    traps.delete(trap);
    return header;
  },
  dispose: async (port: number) => {
    await at(port).dispose();
    proxies.delete(port);
  },
};

serve(api);
