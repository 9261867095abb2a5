import { startWorker, type WorkerProcess } from "./processes.js";
import type { api } from "./proxy-host.js";
import type { SwallowOptions, Way } from "./proxy-server.js";
import type { Opcode, ReplyHeader, RequestHeader } from "./zookeeper-frames.js";

type Host = WorkerProcess<typeof api>;

/** How long the host of the proxies waits for another one before it ends: the next test often wants one at once. */
const IDLE_MS = 1_000;

const open = new Set<TcpProxy>();
let host: Promise<Host> | undefined;
let hostPid: number | undefined;
/** The proxies that are there, or about to be. */
let users = 0;

/** The proxies that nobody has disposed of: one left over at the end of a test is a leak. */
export function openProxies(): readonly TcpProxy[] {
  return [...open];
}

/** The process number of the proxies' host, so that a search for leaked children can leave it out. */
export function proxyHostPid(): number | undefined {
  return hostPid;
}

/** A trap that is set; `sprung` resolves with the header of the frame that it caught. */
export interface Trap<Header> {
  readonly sprung: Promise<Header>;
}

/**
 * A network between a client and a ZooKeeper server that can be made to fail. It lies on a loopback port of its own, which
 * stays the same whatever is done to it; `dispose()` ends it. Each method resolves when what it asks for is in force.
 */
export class TcpProxy {
  readonly port: number;
  /** `127.0.0.1:<port>`, to be given to a client. */
  readonly connectString: string;
  readonly #host: Host;

  private constructor(host: Host, port: number) {
    this.#host = host;
    this.port = port;
    this.connectString = `127.0.0.1:${port}`;
    open.add(this);
  }

  /** Starts a proxy in front of `host:port`. */
  static async listen(target: string): Promise<TcpProxy> {
    users += 1;
    const running = await (host ??= startHost());
    return new TcpProxy(running, await running.call("listen", target));
  }

  /** How many connections lead through the proxy now. */
  connections(): Promise<number> {
    return this.#host.call("connections", this.port);
  }

  /** How many requests of this kind have come by since the start, or since `forgetRequests()`. */
  requestCount(operation: Opcode): Promise<number> {
    return this.#host.call("requestCount", this.port, operation);
  }

  forgetRequests(): Promise<void> {
    return this.#host.call("forgetRequests", this.port);
  }

  /** Resets all connections (RST). New ones are welcome: this is a cable pulled and put back. */
  cut(): Promise<void> {
    return this.#host.call("cut", this.port);
  }

  /**
   * Ends all connections on the clients' side only. What `pause` holds back of them reaches the server after `resume()`, as late
   * as that.
   */
  hangUp(): Promise<void> {
    return this.#host.call("hangUp", this.port);
  }

  /** Refuses new connections. Those that stand go on: `cut()` them too for a server that is down. */
  close(): Promise<void> {
    return this.#host.call("close", this.port);
  }

  /** Takes connections again, on the same port. */
  reopen(): Promise<void> {
    return this.#host.call("reopen", this.port);
  }

  /** Holds bytes back, in order, until `resume()`: the connections stay up, and nothing is lost. */
  pause(way: Way = "both"): Promise<void> {
    return this.#host.call("pause", this.port, way);
  }

  /** Swallows all bytes, until `resume()`: the connections stay up, and are of no use any more. */
  blackhole(way: Way = "both"): Promise<void> {
    return this.#host.call("blackhole", this.port, way);
  }

  /** Ends `pause`, `blackhole`, `delay` and `chunk`. Connections that have lost bytes are reset. */
  resume(): Promise<void> {
    return this.#host.call("resume", this.port);
  }

  /** Each frame is so many milliseconds on its way. Order is kept. */
  delay(delayMs: number, way: Way = "both"): Promise<void> {
    return this.#host.call("delay", this.port, delayMs, way);
  }

  /** Frames come in pieces of so many bytes, a millisecond apart. */
  chunk(chunkBytes: number, way: Way = "toClient"): Promise<void> {
    return this.#host.call("chunk", this.port, chunkBytes, way);
  }

  /**
   * The next reply to a request of this kind vanishes, after the server has carried the request out and answered; then the
   * connection is reset. The header of that reply says how it went: `err` 0 means that the server did it.
   */
  async swallowReply(operation: Opcode, how: SwallowOptions = {}): Promise<Trap<ReplyHeader>> {
    return this.#trap<ReplyHeader>(await this.#host.call("swallowReply", this.port, operation, how));
  }

  /** The next request of this kind vanishes before the server has seen it; then the connection is reset. */
  async swallowRequest(operation: Opcode, how: SwallowOptions = {}): Promise<Trap<RequestHeader>> {
    return this.#trap<RequestHeader>(await this.#host.call("swallowRequest", this.port, operation, how));
  }

  /**
   * The next client that connects is told that its session has expired, as a server would tell it. The server knows nothing of
   * it: the session lives on until it really expires.
   */
  async expireNext(): Promise<Trap<void>> {
    return this.#trap<void>(await this.#host.call("expireNext", this.port));
  }

  /** Ends the proxy and its connections for good, and resolves when they are gone. Twice is as good as once. */
  async dispose(): Promise<void> {
    if (!open.delete(this)) return;
    await this.#host.call("dispose", this.port);
    users -= 1;
    // Whoever is idle for long goes; the timer keeps nobody waiting.
    setTimeout(() => {
      if (users === 0) endHost(this.#host);
    }, IDLE_MS).unref();
  }

  #trap<Header>(trap: number): Trap<Header> {
    const sprung = this.#host.call("sprung", trap) as Promise<Header>;
    // A trap that never springs goes with the host, and that is nobody's error.
    sprung.catch(() => undefined);
    return { sprung };
  }
}

async function startHost(): Promise<Host> {
  const started = await startWorker<typeof api>(new URL("proxy-host.ts", import.meta.url));
  started.unref();
  hostPid = started.pid;
  return started;
}

function endHost(ended: Host): void {
  if (hostPid !== ended.pid) return;
  host = undefined;
  hostPid = undefined;
  void ended.kill();
}
