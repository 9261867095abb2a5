export { postgresFence } from "./guard.js";
export type { PostgresFenceGuard, PostgresFenceOptions } from "./guard.js";
export type { ClientOf, PostgresClient, PostgresPool, PostgresResult, PostgresTransaction } from "./pool.js";
export type { FenceGuard, FenceOptions, FencingToken } from "../fence-guard.js";
export type { GuardedUpdate, SqlStatement, SqlValue } from "../sql/guarded-update.js";
export type { TableName } from "../sql/table-name.js";
export { FenceBusyError, FenceSetupError, FenceTransactionError } from "../errors.js";
export { StaleTokenError } from "../../errors.js";
