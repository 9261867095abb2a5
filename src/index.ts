// The declarations speak of Node's events and timers, also to a program that names its types one by one.
/// <reference types="node" preserve="true" />
export { ZkLockManager } from "./lock-manager.js";
export type { HeldResource } from "./held-resource.js";
export { ZkLock } from "./lock.js";
export { ZkReadWriteLock } from "./read-write-lock.js";
export { ZkSemaphore } from "./semaphore.js";
export { ZkMultiLock } from "./multi-lock.js";
export type { FencingTokens, MultiHold, MultiLockHold } from "./multi-lock-hold.js";
export { type HoldSighting, type ResourceEvent, ResourceWatcher } from "./resource-watcher.js";
export type { Hold } from "./hold.js";
export type { LockHold } from "./lock-hold.js";
export type { SemaphoreLockHold } from "./semaphore.js";
export type { SemaphoreHold } from "./permit-hold.js";
export type { ResourceStatus, TicketStatus } from "./inspection.js";
export type { Deadlock, DeadlockLink } from "./deadlocks.js";
export {
  type AcquireMessage,
  diagnosticsChannels,
  type HandOverMessage,
  type HoldMessage,
  type LossMessage,
  type WaitMessage,
} from "./diagnostics.js";
export type { FencingToken } from "./ticket.js";
export type { SessionState, SessionStatus } from "./session.js";
export type {
  AcquireOptions,
  Auth,
  ConnectOptions,
  LockOptions,
  ManagerOptions,
  Reentrancy,
  SemaphoreOptions,
  SlotOptions,
} from "./options.js";
export type { Locator } from "./zookeeper/addresses.js";
export type { AdoptableClient as ZooKeeperClient } from "./zookeeper/client.js";
export {
  AccessDeniedError,
  AcquireTimeoutError,
  AlreadyLockedError,
  ConnectError,
  type Identity,
  InvalidArgumentError,
  LimitMismatchError,
  LockError,
  type LockErrorDetails,
  LockLostError,
  type LossReason,
  ManagerClosedError,
  NotHeldError,
  SelfDeadlockError,
  SessionFullError,
  SessionLostError,
  type SessionLostReason,
  StaleTokenError,
  TokenRangeError,
  UpgradeRefusedError,
} from "./errors.js";
