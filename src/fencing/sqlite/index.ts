export { sqliteFence } from "./guard.js";
export type { SqliteFenceGuard, SqliteFenceOptions } from "./guard.js";
export type { SqliteDatabase, SqliteStatement } from "./database.js";
export type { FenceGuard, FenceOptions, FencingToken } from "../fence-guard.js";
export type { GuardedUpdate, SqlValue } from "../sql/guarded-update.js";
export type { TableName } from "../sql/table-name.js";
export { FenceBusyError, FenceSetupError, FenceTransactionError } from "../errors.js";
export { StaleTokenError } from "../../errors.js";
