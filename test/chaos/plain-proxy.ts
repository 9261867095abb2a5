import { connect, createServer, type Server, type Socket } from "node:net";

/** Passes bytes on, swallows them, or holds them up: for what is no client's frames, and for what outlives its sender. */
export class PlainProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #state: "passing" | "swallowing" | "holding" = "passing";
  #held: (() => void)[] = [];

  private constructor(targetPort: number) {
    this.#server = createServer((near) => {
      const far = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
      near.setNoDelay(true);
      this.#pipe(near, far);
      this.#pipe(far, near);
    });
  }

  /** Starts one in front of a loopback port. */
  static async listen(targetPort: number): Promise<PlainProxy> {
    const proxy = new PlainProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("The proxy does not listen any more.");
    return address.port;
  }

  /** From now on all bytes vanish, and the ends of connections too: both sides go on believing in them. */
  swallow(): void {
    this.#state = "swallowing";
  }

  /** From now on all bytes are held up, and the ends of connections behind them, until `letGo`. */
  hold(): void {
    this.#state = "holding";
  }

  /** What was held up goes on its way, even if its sender has gone. */
  letGo(): void {
    this.#state = "passing";
    for (const deliver of this.#held.splice(0)) deliver();
  }

  async dispose(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pipe(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("data", (bytes) => this.#pass(() => to.write(bytes)));
    from.on("error", () => undefined);
    from.once("close", () => {
      this.#sockets.delete(from);
      this.#pass(() => to.end());
    });
  }

  #pass(deliver: () => void): void {
    if (this.#state === "passing") deliver();
    else if (this.#state === "holding") this.#held.push(deliver);
  }
}
