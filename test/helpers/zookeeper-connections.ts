import { readFileSync, readdirSync, readlinkSync } from "node:fs";

const ESTABLISHED = "01";

/**
 * How many TCP connections of this process lead to `port`: a ZooKeeper session that somebody forgot to close holds one,
 * although Node does not know of it (the client's sockets are its own). Linux only; elsewhere 0.
 */
export function connectionsTo(port: number): number {
  if (process.platform !== "linux") return 0;
  const ours = new Set(readdirSync("/proc/self/fd").map(linkTarget));
  // Columns: number, local address, remote address (both hexadecimal, "0100007F:0CEA"), state, …; the tenth is the inode.
  const rows = readFileSync("/proc/self/net/tcp", "utf8").trim().split("\n").slice(1);
  return rows.filter((row) => {
    const columns = row.trim().split(/\s+/);
    const remotePort = Number.parseInt(columns[2]?.split(":")[1] ?? "", 16);
    return remotePort === port && columns[3] === ESTABLISHED && ours.has(`socket:[${columns[9] ?? ""}]`);
  }).length;
}

function linkTarget(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return "";
  }
}
