// The declarations speak of Node's events and timers, also to a program that names its types one by one.
/// <reference types="node" preserve="true" />
export { ZkLockManager } from "./lock-manager.js";
export type { HeldResource } from "./hold/hold-views.js";
export type { ManagerEvents } from "./locks/manager-events.js";
export { ZkLock } from "./locks/lock.js";
export type { LockEvents } from "./locks/lock-events.js";
export { ZkReadWriteLock } from "./locks/read-write-lock.js";
export { ZkSemaphore } from "./locks/semaphore.js";
export { type MultiLockEvents, ZkMultiLock } from "./locks/multi-lock.js";
export type { FencingTokens, MultiHold, MultiLockHold } from "./locks/multi-lock-hold.js";
export {
  type HoldSighting,
  type ResourceEvent,
  ResourceWatcher,
  type WatcherEvents,
} from "./inspection/resource-watcher.js";
export type { Hold } from "./hold/hold-views.js";
export type { LockHold } from "./locks/lock-hold.js";
export type { SemaphoreLockHold } from "./locks/semaphore.js";
export type { SemaphoreHold } from "./hold/permit-hold.js";
export type { ResourceStatus, TicketStatus } from "./inspection/inspection.js";
export type { Deadlock, DeadlockLink } from "./inspection/deadlocks.js";
export {
  type AcquireMessage,
  diagnosticsChannels,
  type HandOverMessage,
  type HoldMessage,
  type LossMessage,
  type WaitMessage,
} from "./diagnostics.js";
export type { FencingToken } from "./common/fencing-token.js";
export type { SessionState, SessionStatus } from "./engine/session.js";
export type {
  AcquireOptions,
  Auth,
  CertificateAuth,
  ConnectOptions,
  DigestAuth,
  LockOptions,
  ManagerOptions,
  Reentrancy,
  SemaphoreOptions,
  SlotOptions,
  TlsOptions,
} from "./options.js";
export type { Address, Locator, ZooKeeperClient } from "./zookeeper/zookeeper-engine.js";
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
