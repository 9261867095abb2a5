import { createServer, type Server } from "node:net";
import { freePort } from "../../scripts/lib/free-port.mjs";
import { type LinkWatcher, ProxyLink, type Verdict } from "./proxy-link.js";
import type { Direction } from "./proxy-pipe.js";
import { type Opcode, OPCODES, type ReplyHeader, type RequestHeader } from "./zookeeper-frames.js";

export type Way = "both" | "toServer" | "toClient";

export interface SwallowOptions {
  /** Leave the connection up after the loss. Default: it is reset. */
  keepOpen?: boolean;
}

interface Trap<Header> {
  readonly opcode: number;
  readonly verdict: Verdict;
  readonly sprung: (header: Header) => void;
}

/** The proxy itself, as it lives in the process of proxy-host.ts. What its methods do is told in tcp-proxy.ts. */
export class ProxyServer {
  readonly port: number;
  readonly #target: { host: string; port: number };
  readonly #links = new Set<ProxyLink>();
  readonly #directions = { toServer: clearDirection(), toClient: clearDirection() };
  readonly #gates = new Map<Direction, () => void>();
  readonly #requestTraps: Trap<RequestHeader>[] = [];
  readonly #replyTraps: Trap<ReplyHeader>[] = [];
  readonly #expiries: (() => void)[] = [];
  readonly #requests = new Map<number, number>();
  #server: Server | undefined;

  private constructor(port: number, target: { host: string; port: number }) {
    this.port = port;
    this.#target = target;
  }

  static async listen(target: string): Promise<ProxyServer> {
    const { hostname, port } = new URL(`tcp://${target}`);
    const proxy = new ProxyServer(await freePort(), { host: hostname, port: Number(port) });
    await proxy.reopen();
    return proxy;
  }

  get connections(): number {
    return this.#links.size;
  }

  requestCount(operation: Opcode): number {
    return this.#requests.get(OPCODES[operation]) ?? 0;
  }

  forgetRequests(): void {
    this.#requests.clear();
  }

  cut(): void {
    for (const link of this.#links) link.cut();
  }

  hangUp(): void {
    for (const link of this.#links) link.hangUp();
  }

  close(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  async reopen(): Promise<void> {
    if (this.#server) return;
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      const link = new ProxyLink(socket, this.#target, this.#directions, this.#watcher);
      this.#links.add(link);
      link.onClosed(() => this.#links.delete(link));
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, "127.0.0.1", resolve);
    });
  }

  pause(way: Way = "both"): void {
    for (const direction of this.#of(way)) {
      if (this.#gates.has(direction)) continue;
      direction.gate = new Promise((resolve) => this.#gates.set(direction, resolve));
    }
  }

  blackhole(way: Way = "both"): void {
    for (const direction of this.#of(way)) direction.blackhole = true;
  }

  resume(): void {
    for (const direction of this.#of("both")) Object.assign(direction, { ...clearDirection(), gate: direction.gate });
    for (const openGate of this.#gates.values()) openGate();
    this.#gates.clear();
    for (const link of this.#links) if (link.lossy) link.cut();
  }

  delay(delayMs: number, way: Way = "both"): void {
    for (const direction of this.#of(way)) direction.delayMs = delayMs;
  }

  chunk(chunkBytes: number, way: Way = "toClient"): void {
    for (const direction of this.#of(way)) direction.chunkBytes = chunkBytes;
  }

  swallowReply(operation: Opcode, { keepOpen = false }: SwallowOptions = {}): Promise<ReplyHeader> {
    return new Promise((sprung) => {
      this.#replyTraps.push({ opcode: OPCODES[operation], verdict: keepOpen ? "swallow" : "cut", sprung });
    });
  }

  swallowRequest(operation: Opcode, { keepOpen = false }: SwallowOptions = {}): Promise<RequestHeader> {
    return new Promise((sprung) => {
      this.#requestTraps.push({ opcode: OPCODES[operation], verdict: keepOpen ? "swallow" : "cut", sprung });
    });
  }

  expireNext(): Promise<void> {
    return new Promise((sprung) => this.#expiries.push(sprung));
  }

  async dispose(): Promise<void> {
    this.close();
    this.resume();
    const closed = [...this.#links].map((link) => new Promise<void>((resolve) => link.onClosed(resolve)));
    this.cut();
    await Promise.all(closed);
  }

  readonly #watcher: LinkWatcher = {
    handshake: () => {
      const expiry = this.#expiries.shift();
      expiry?.();
      return expiry === undefined ? "pass" : "expire";
    },
    request: (header) => {
      this.#requests.set(header.opcode, (this.#requests.get(header.opcode) ?? 0) + 1);
      return spring(this.#requestTraps, header.opcode, header);
    },
    reply: (header, opcode) => spring(this.#replyTraps, opcode, header),
  };

  #of(way: Way): Direction[] {
    const { toServer, toClient } = this.#directions;
    return way === "both" ? [toServer, toClient] : [way === "toServer" ? toServer : toClient];
  }
}

function spring<Header>(traps: Trap<Header>[], opcode: number | undefined, header: Header): Verdict {
  const index = traps.findIndex((trap) => trap.opcode === opcode);
  const [trap] = index === -1 ? [] : traps.splice(index, 1);
  trap?.sprung(header);
  return trap?.verdict ?? "pass";
}

function clearDirection(): Direction {
  return { gate: Promise.resolve(), delayMs: 0, chunkBytes: Infinity, blackhole: false };
}
