import type { WatchEvent } from "../protocol/messages.js";

/** What the client's owner did that kills the process of a real client. */
export type ClientHazard = "close-in-callback" | "broken-client-left-open" | "failed-get-acl";
/** The same, or what kills the servers: a session that is too large to be ended. */
export type HazardKind = ClientHazard | "session-too-large";

/** What the client's owner sees of its life. */
export interface Observer {
  event(name: "connect" | "connecting" | WatchEvent, path: string): void;
  closed(code: number): void;
  hazard(kind: ClientHazard): void;
}

export interface CoreConfig {
  readonly sessionId: string;
  readonly password: string;
  readonly timeoutMs: number;
  /** How many addresses it has: after that many attempts in a row it pauses, as the C client does. */
  readonly addresses: number;
}
