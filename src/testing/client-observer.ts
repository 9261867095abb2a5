import type { WatchEvent } from "./messages.js";

/** What the client's owner did that kills the process of a real client. */
export type HazardKind = "close-in-callback" | "broken-client-left-open" | "failed-get-acl";

/** What the client's owner sees of its life. */
export interface Observer {
  event(name: "connect" | "connecting" | WatchEvent, path: string): void;
  closed(code: number): void;
  hazard(kind: HazardKind): void;
}

export interface CoreConfig {
  readonly sessionId: string;
  readonly password: string;
  readonly timeoutMs: number;
  /** How many addresses it has: after that many attempts in a row it pauses, as the C client does. */
  readonly addresses: number;
}
