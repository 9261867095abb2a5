import { createServer, type Server, type Socket } from "node:net";
import type { Ensemble } from "../testing/ensemble/ensemble.js";
import { writeAddress } from "../zookeeper/session/addresses.js";
import { ClientConnection } from "./client-connection.js";

/** Where an in-memory ZooKeeper listens. */
export interface ListenOptions {
  /** Default 0: one that is free. */
  port?: number;
  /** The address to listen on. Default `127.0.0.1`: nobody from outside gets in. */
  host?: string;
}

/** A ZooKeeper in memory that real clients connect to. It speaks ZooKeeper's protocol, plain, and keeps nothing on disk. */
export class EmbeddedServer {
  readonly #connections = new Set<ClientConnection>();
  readonly #server: Server;
  #isPaused = false;

  private constructor(
    private readonly ensemble: Ensemble,
    private readonly host: string,
  ) {
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Resolves when clients can connect; rejects, with Node's own error, where the address cannot be listened on. */
  static async listen(ensemble: Ensemble, { port = 0, host = "127.0.0.1" }: ListenOptions): Promise<EmbeddedServer> {
    const server = new EmbeddedServer(ensemble, host);
    await new Promise<void>((resolve, reject) => {
      server.#server.once("error", reject).listen(port, host, resolve);
    });
    // What can go wrong from here on is one connection's, as where there are no descriptors left for it.
    server.#server.removeAllListeners("error").on("error", () => undefined);
    return server;
  }

  /** The port it listens on. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** What clients take: `host:port`. */
  get connectString(): string {
    return writeAddress({ host: this.host, port: this.port });
  }

  /** Resets all connections. Sessions live on, and clients may resume them. */
  dropConnections(): void {
    for (const connection of this.#connections) connection.drop();
  }

  /** Until `resume()`, no client hears anything, and the server hears nothing of them: their sessions run out. */
  pause(): void {
    this.#pause(true);
  }

  /** Ends a `pause`; what was sent meanwhile arrives. */
  resume(): void {
    this.#pause(false);
  }

  /** Stops listening and drops all connections. What is stored stays: the same ensemble can listen again. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.dropConnections();
    await closed;
  }

  /** As `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(socket: Socket): void {
    const connection = new ClientConnection(this.ensemble, socket);
    this.#connections.add(connection);
    socket.once("close", () => this.#connections.delete(connection));
    if (this.#isPaused) connection.isPaused = true;
  }

  #pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
    for (const connection of this.#connections) connection.isPaused = isPaused;
  }
}
