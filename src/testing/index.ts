export type { Clock } from "../common/clock.js";
export { InMemoryClient } from "./client/client.js";
export type { EmbeddedServer, ListenOptions } from "../embedded/embedded-server.js";
export type { DisconnectOptions, DropOptions, DroppableOperation } from "./faults.js";
export { InMemoryZooKeeper } from "./in-memory-zookeeper.js";
export type { NodeView, SessionView } from "./inspection.js";
export type { Hazard, InMemoryClientOptions, InMemoryZooKeeperOptions } from "./options.js";
export { ProcessClock } from "./time/process-clock.js";
export { VirtualClock, type VirtualClockOptions } from "./time/virtual-clock.js";
