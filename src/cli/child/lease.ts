import type { LockLostError, ZkLock, ZkLockManager } from "../../index.js";

/** How often the lease is looked at in a session's timeout. */
const LOOKS_PER_TIMEOUT = 20;
const SHORTEST_LOOK_MS = 25;
/**
 * How much of the session timeout lies between SIGTERM and SIGKILL once the lease is over. A third is left then; a quarter
 * is the half tick by which the leader can be ahead of us, in a session of the usual minimum of two ticks.
 */
const GRACE_PER_TIMEOUT = 1 / 15;
/** For a child whose lock is somebody else's already: each moment counts, but files half written may cost more. */
const OVERLAP_GRACE_MS = 250;

/** Knows when the lease ends, and so how long a child may take to end after that. */
export class Lease {
  /** Of the session that the lock was taken in: the next one's may differ. */
  readonly timeoutMs: number;
  readonly #timer: NodeJS.Timeout;
  #seen: { readonly leaseMs: number; readonly monotonicMs: number; readonly wallMs: number };

  constructor(
    private readonly manager: ZkLockManager,
    private readonly lock: ZkLock,
  ) {
    const { leaseMs, timeoutMs } = manager.session;
    this.timeoutMs = timeoutMs;
    this.#seen = moment(leaseMs);
    this.#timer = setInterval(() => this.stands(), Math.max(SHORTEST_LOOK_MS, timeoutMs / LOOKS_PER_TIMEOUT));
  }

  /** Looks now, which is what tells a zk-lock that was stopped for long that the lock is lost. */
  stands(): boolean {
    const held = this.lock.isHeld;
    const { leaseMs } = this.manager.session;
    if (held && leaseMs > 0) this.#seen = moment(leaseMs);
    return held;
  }

  /** SIGTERM to SIGKILL, for a child whose lock was lost: counted from the end of the lease, not from when we noticed. */
  graceMs({ reason }: LockLostError): number {
    const leftMs = this.#leftMs() + this.timeoutMs * GRACE_PER_TIMEOUT;
    return Math.max(0, reason === "lease-over" ? leftMs : Math.min(leftMs, OVERLAP_GRACE_MS));
  }

  /** SIGTERM to SIGKILL, for a child that has to go while the lock is still ours. */
  get calmGraceMs(): number {
    return this.timeoutMs * GRACE_PER_TIMEOUT;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Negative once it is over. By whichever clock went further: one stands still while the machine sleeps, one may jump. */
  #leftMs(): number {
    const now = moment(0);
    const passedMs = Math.max(now.monotonicMs - this.#seen.monotonicMs, now.wallMs - this.#seen.wallMs);
    return this.#seen.leaseMs - passedMs;
  }
}

function moment(leaseMs: number): { leaseMs: number; monotonicMs: number; wallMs: number } {
  return { leaseMs, monotonicMs: performance.now(), wallMs: Date.now() };
}
