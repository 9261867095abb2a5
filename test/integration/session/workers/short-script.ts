import { ZkLockManager } from "../../../../src/index.js";

/** What a user's script does, without any process.exit(): arguments are the servers, a root directory, and how to end. */
const [servers = "", rootDir = "", how = ""] = process.argv.slice(2);
const manager = await ZkLockManager.connect(servers, { rootDir, sessionTimeout: 10_000 });
const lock = manager.createLock("resource", { reentrancy: "none" });
await lock.acquire({ timeout: 60_000, signal: new AbortController().signal });
const waiting = how === "close while waiting" ? lock.acquire({ timeout: 60_000 }).catch(() => undefined) : undefined;
if (how === "release and close") await lock.release();
await manager.close();
await waiting;
console.log("closed");
