export { ZkLockManager, type SessionStatus } from "./lock-manager.js";
export { ZkLock } from "./lock.js";
export type { Hold } from "./hold.js";
export type { FencingToken } from "./ticket.js";
export type { SessionState } from "./session.js";
export type { AcquireOptions, Auth, ConnectOptions, LockOptions, ManagerOptions, Reentrancy } from "./options.js";
export type { Locator } from "./zookeeper/addresses.js";
export type { ZooKeeperClient } from "./zookeeper/client.js";
export {
  AccessDeniedError,
  AcquireTimeoutError,
  AlreadyLockedError,
  ConnectError,
  type Identity,
  InvalidArgumentError,
  LockError,
  type LockErrorDetails,
  LockLostError,
  type LossReason,
  NotHeldError,
  SessionLostError,
  StaleTokenError,
  TokenRangeError,
} from "./errors.js";
