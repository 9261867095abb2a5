import type { ClientConfig, PackageClient, Stat } from "../../../src/zookeeper/client/client.js";
import { until } from "../../helpers/until.js";

/** What both clients have, beside what the library uses. */
export interface FullClient extends PackageClient {
  a_exists(path: string, watch: boolean, done: (code: number, message: string, stat: Stat | null) => void): number;
}

type Call = Extract<keyof FullClient, `a_${string}` | "add_auth">;
type Arguments<Name extends Call> = Parameters<FullClient[Name]> extends [...infer Given, unknown] ? Given : never;

/** What one client has seen, in the order it saw it. */
export type Sight = readonly unknown[];

const EVENTS = ["connect", "connecting", "created", "deleted", "changed", "child", "close"] as const;
/** Codes that the client itself makes up: with these, what it says about its state is worth comparing. */
const OWN_CODES = new Set([-2, -4, -7, -112, -115, -116]);

/** A client in a scenario: writes down every event and every reply. */
export class Actor {
  readonly #seen: Sight[] = [];
  #lastPlace = Infinity;

  constructor(
    readonly client: FullClient,
    readonly base: string,
  ) {
    for (const event of EVENTS) {
      client.on(event, (...args: never[]) => {
        const [source, detail] = args as unknown[];
        // The binding hands its own object to the events of nodes, and the client itself to the other two.
        const isClient = event === "connect" || event === "close" ? [source === client] : [];
        this.#seen.push([event, ...isClient, detail, `state ${client.state}`]);
      });
    }
  }

  get sights(): readonly Sight[] {
    return this.#seen.slice(0, this.#lastPlace + 1);
  }

  /** A path below the scenario's own directory. */
  at(name: string): string {
    return name === "" ? this.base : `${this.base}/${name}`;
  }

  async start(config: ClientConfig = {}): Promise<void> {
    this.client.init(config);
    await this.saw("connect");
    await this.turn();
  }

  /** Sends a request without waiting; resolves with its code, be it the call's own. */
  send<Name extends Call>(call: Name, ...args: Arguments<Name>): Promise<number> {
    return new Promise((resolve) => {
      const done = (code: number, ...rest: unknown[]): void => {
        const state = OWN_CODES.has(code) ? [`state ${this.client.state}`] : [];
        this.#seen.push([call, code, ...rest, ...state]);
        resolve(code);
      };
      const ask = this.client[call] as (...args: unknown[]) => number;
      const returned = ask.call(this.client, ...args, done);
      if (returned === 0) return;
      this.#seen.push([call, "returned", returned]);
      resolve(returned);
    });
  }

  create(name: string, flags = 0, data = ""): Promise<number> {
    return this.send("a_create", this.at(name), Buffer.from(data), flags);
  }

  get(name: string, watch = false): Promise<number> {
    return this.send("a_get", this.at(name), watch);
  }

  exists(name: string, watch = false): Promise<number> {
    return this.send("a_exists", this.at(name), watch);
  }

  list(name: string, watch = false): Promise<number> {
    return this.send("a_get_children2", this.at(name), watch);
  }

  set(name: string, data: string, version = -1): Promise<number> {
    return this.send("a_set", this.at(name), Buffer.from(data), version);
  }

  delete(name: string, version = -1): Promise<number> {
    return this.send("a_delete_", this.at(name), version);
  }

  sync(): Promise<number> {
    return this.send("a_sync", this.at(""));
  }

  acl(name: string, ...entries: [perms: number, scheme: string, auth: string][]): Promise<number> {
    const acl = entries.map(([perms, scheme, auth]) => ({ perms, scheme, auth }));
    return this.send("a_set_acl", this.at(name), -1, acl);
  }

  /** The request after it makes the client send the credentials at once. */
  async authenticate(credentials: string): Promise<void> {
    await Promise.all([this.send("add_auth", "digest", credentials), this.send("a_sync", this.at(""))]);
  }

  /** Waits until the client has seen this event so many times. */
  async saw(event: (typeof EVENTS)[number], times = 1): Promise<void> {
    const seen = (): boolean => this.#seen.filter(([kind]) => kind === event).length >= times;
    await until(seen, { what: `${times} times "${event}"`, everyMs: 1 });
  }

  /** Closing from within a callback, or the promises after it, can kill the process. */
  async close(): Promise<void> {
    await this.turn();
    this.client.close();
    await this.turn();
  }

  /** Nothing counts that was seen after this event first came. */
  forgetAfter(event: (typeof EVENTS)[number]): void {
    this.#lastPlace = this.#seen.findIndex(([kind]) => kind === event);
  }

  /** A macrotask of our own, or the given time in milliseconds, where nothing happening is what is to be seen. */
  turn(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      if (ms === undefined) setImmediate(resolve);
      else setTimeout(resolve, ms);
    });
  }
}
