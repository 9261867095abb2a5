import { readdirSync, readFileSync } from "node:fs";

/** A living process of a session. */
export interface SessionMember {
  readonly pid: number;
  /** Its process group. */
  readonly group: number;
  /** By a signal, or by a debugger. */
  readonly stopped: boolean;
}

/** Dead ones, which nobody has collected yet, are no members any more. */
const DEAD: readonly string[] = ["Z", "X", "x"];
const STOPPED: readonly string[] = ["T", "t"];

/**
 * The living processes of a session, of all its process groups. Null where the system has no /proc in the manner of Linux:
 * there nobody can tell.
 */
export function membersOf(session: number): readonly SessionMember[] | null {
  if (process.platform !== "linux") return null;
  try {
    const numbers = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return numbers.map((pid) => read(pid, session)).filter((member) => member !== null);
  } catch {
    return null;
  }
}

function read(pid: string, session: number): SessionMember | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The program's name, in parentheses, may hold spaces and parentheses of its own.
    const [state = "", , group, itsSession] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    if (Number(itsSession) !== session || DEAD.includes(state)) return null;
    return { pid: Number(pid), group: Number(group), stopped: STOPPED.includes(state) };
  } catch {
    // It has ended meanwhile.
    return null;
  }
}
