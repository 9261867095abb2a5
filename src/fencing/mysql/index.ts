export { mysqlFence } from "./guard.js";
export type { MysqlFenceGuard, MysqlFenceOptions } from "./guard.js";
export type { MysqlConnection, MysqlPool, MysqlTransaction } from "./pool.js";
export type { FenceGuard, FenceOptions, FencingToken } from "../fence-guard.js";
export type { GuardedUpdate, SqlValue } from "../sql/guarded-update.js";
export type { TableName } from "../sql/table-name.js";
export { FenceBusyError, FenceSetupError, FenceTransactionError } from "../errors.js";
export { StaleTokenError } from "../../errors.js";
