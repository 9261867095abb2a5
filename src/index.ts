// The declarations speak of Node's events and timers, also to a program that names its types one by one.
/// <reference types="node" preserve="true" />
export { ZkLockManager } from "./lock-manager.js";
export type { HeldResource } from "./hold/held-resource.js";
export { ZkLock } from "./locks/lock.js";
export { ZkReadWriteLock } from "./locks/read-write-lock.js";
export { ZkSemaphore } from "./locks/semaphore.js";
export { ZkMultiLock } from "./locks/multi-lock.js";
export type { FencingTokens, MultiHold, MultiLockHold } from "./locks/multi-lock-hold.js";
export { type HoldSighting, type ResourceEvent, ResourceWatcher } from "./inspection/resource-watcher.js";
export type { Hold } from "./hold/hold.js";
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
export type { FencingToken } from "./engine/ticket.js";
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
export type { Locator } from "./zookeeper/session/addresses.js";
export type { AdoptableClient as ZooKeeperClient } from "./zookeeper/client/client.js";
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
