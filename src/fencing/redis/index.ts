export { FenceCommandError, redisFence } from "./guard.js";
export type { RedisFenceGuard, RedisFenceOptions } from "./guard.js";
export type { IoredisClient, NodeRedisClient, RedisClient, ScriptInput } from "./client.js";
export type { RedisTransaction, RedisWord } from "./commands.js";
export type { FenceGuard, FencingToken } from "../fence-guard.js";
export { FenceSetupError, FenceTransactionError } from "../errors.js";
export { StaleTokenError } from "../../errors.js";
