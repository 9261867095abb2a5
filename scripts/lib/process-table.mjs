import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";

// Linux tells by /proc; slim images have no `ps`. Elsewhere there always is one.
const LINUX = process.platform === "linux";

/**
 * The command line of a living process, "" when there is none of that number.
 * @param {number} pid
 * @returns {string}
 */
export function commandLine(pid) {
  try {
    return LINUX ? readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ") : ps(pid, "command");
  } catch {
    return "";
  }
}

/**
 * Whether a process stands still after a SIGSTOP: the signal takes a moment to reach all its threads.
 * @param {number} pid
 * @returns {boolean}
 */
export function isStopped(pid) {
  try {
    return (LINUX ? status(pid).state : ps(pid, "state")).startsWith("T");
  } catch {
    return false;
  }
}

/**
 * The numbers of the processes that `pid` started and that have not ended.
 * @param {number} pid
 * @returns {number[]}
 */
export function childrenOf(pid) {
  if (!LINUX)
    return ps(undefined, "pid=,ppid")
      .split("\n")
      .map(numbers)
      .filter(([, parent]) => parent === pid)
      .map(([child]) => child);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && isChild(name, pid))
    .map(Number);
}

function isChild(name, parent) {
  try {
    const found = status(name);
    return found.parent === parent && found.state !== "Z";
  } catch {
    return false;
  }
}

/** The name of the program, which comes first, is in parentheses and may itself hold spaces and parentheses. */
function status(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [state, parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state, parent: Number(parent) };
}

const ps = (pid, column) =>
  execFileSync("ps", ["-o", `${column}=`, ...(pid === undefined ? ["-A"] : ["-p", String(pid)])], {
    encoding: "utf8",
  }).trim();

const numbers = (line) => line.trim().split(/\s+/).map(Number);
