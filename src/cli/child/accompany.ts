import type { LockLostError, LossReason, ZkLock } from "../../index.js";
import type { Child, ChildSpec } from "./child.js";
import { endChild } from "./ending.js";
import { type End, EXIT } from "../exit.js";
import type { Lease } from "./lease.js";
import type { Notes } from "../terminal/notes.js";
import { Pings } from "./pings.js";
import { Problem } from "../problem.js";
import { watchOver } from "./watchdog.js";

/** As often as the library asks ZooKeeper for the lease. */
const PINGS_PER_TIMEOUT = 6;

const REASONS: Record<LossReason, string> = {
  "lease-over": "ZooKeeper has not answered in time",
  "session-expired": "the ZooKeeper session has ended",
  "ticket-gone": "it was taken away by somebody",
  closed: "the connection was closed",
};

/** What a child runs in. */
export interface Company {
  readonly lock: ZkLock;
  readonly lost: Promise<LockLostError>;
  readonly lease: Lease;
  /** What the child is. */
  readonly spec: Omit<ChildSpec, "env">;
  /** The session timeout that was asked for; the server may grant another. */
  readonly ttlMs: number | undefined;
  readonly notes: Notes;
}

/** Stays with the child until it has ended, by itself or because it must. */
export async function accompany(child: Child, company: Company): Promise<End> {
  const { lock, lost, lease, spec, ttlMs } = company;
  const callOff = watchOver(child, lease.calmGraceMs);
  const { timeoutMs } = lease;
  const limitMs = Math.min(ttlMs ?? timeoutMs, timeoutMs);
  const pings = spec.isNodeModule ? new Pings(child, limitMs / PINGS_PER_TIMEOUT, limitMs) : undefined;
  try {
    const end = await Promise.race([
      child.exited.then((childsEnd) => ({ kind: "exited", childsEnd }) as const),
      lost.then((error) => ({ kind: "lost", error }) as const),
      ...(pings ? [pings.failed.then(() => ({ kind: "silent" }) as const)] : []),
    ]);
    pings?.stop();
    switch (end.kind) {
      case "exited":
        return lock.isHeld ? end.childsEnd : await endLost(child, await lost, company);
      case "lost":
        return await endLost(child, end.error, company);
      case "silent":
        return await endSilent(child, `within ${limitMs / 1000} s`, company);
      default:
        return end satisfies never;
    }
  } catch (error) {
    child.abandon();
    throw error;
  } finally {
    pings?.stop();
    callOff();
  }
}

/** The lock is ours still, so it is kept as long as something of the module runs. */
async function endSilent(child: Child, within: string, { lost, lease, spec, notes }: Company): Promise<number> {
  const silent = `${spec.command} did not answer a ping ${within}`;
  try {
    await endChild(child, lease.calmGraceMs);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    notes.say(`${silent}. ${error.message} The lock is kept until it ends.`);
    await Promise.race([child.exited, lost]);
    return EXIT.childTrouble;
  }
  notes.say(`${silent}, and was ended.`);
  return EXIT.noPong;
}

/** First the child, and what is left of its session, then everything else. */
async function endLost(child: Child, error: LockLostError, { lock, lease, spec, notes }: Company): Promise<number> {
  await endChild(child, lease.graceMs(error));
  const name = `"${lock.resource}"`;
  notes.say(`${name} is lost: ${REASONS[error.reason]}. ${spec.command} was ended.`);
  notes.detail(error.message);
  return EXIT.lost;
}
