import { openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** O_CLOEXEC, as Linux writes it in /proc. */
const CLOSED_ON_EXEC = 0o2_000_000;
const FIRST_OWN = 3;

/**
 * What a child finds behind the descriptors from 3 on: "/dev/null" in place of each socket of ours that it would inherit. The
 * ZooKeeper client leaves its connection open to children; one that outlived us would hold a dead connection for ever.
 * Linux only; elsewhere nothing is known, and nothing done.
 */
export function descriptorsForChild(): ("ignore" | number)[] {
  const sockets = inheritableSockets();
  if (sockets.length === 0) return [];
  // Opened once per child, and closed by our own end.
  const nothing = openSync("/dev/null", "r+");
  return Array.from({ length: Math.max(...sockets) + 1 - FIRST_OWN }, (_, index) =>
    sockets.includes(index + FIRST_OWN) ? nothing : "ignore",
  );
}

function inheritableSockets(): number[] {
  try {
    return readdirSync("/proc/self/fd")
      .map(Number)
      .filter((descriptor) => descriptor >= FIRST_OWN && isInheritableSocket(descriptor));
  } catch {
    return [];
  }
}

function isInheritableSocket(descriptor: number): boolean {
  try {
    if (!readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:")) return false;
    const [, flags = "0"] = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8")) ?? [];
    return (Number.parseInt(flags, 8) & CLOSED_ON_EXEC) === 0;
  } catch {
    // The one that the list was read through is gone.
    return false;
  }
}
