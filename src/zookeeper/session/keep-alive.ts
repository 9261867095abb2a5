import type { Clock } from "../../common/clock.js";
import type { Session } from "../../engine/session.js";
import { isServerAnswer, provesQuorum } from "../client/codes.js";
import { probe } from "./handshake.js";
import type { Link } from "../client/link.js";

/**
 * Six requests in a session timeout, four in a lease: one may be lost, and the next still comes in time. And two in the third after
 * which silence is told.
 */
const BEATS_PER_TIMEOUT = 6;

/**
 * Keeps the lease fresh, gives up on replies that are overdue, and cures a server that has lost a wake-up (ZOOKEEPER-4537).
 * While anybody has a ticket, each beat is a probe of the quorum, unless some other write was answered meanwhile. An idle
 * session asks its leader only (`sync`), which is no more than a sign of life: it costs no write, and nothing depends on it but
 * the state we show.
 */
export function startKeepAlive(
  attachment: { readonly session: Session; readonly link: Link },
  { clock, probePath }: { clock: Clock; probePath: string },
): () => void {
  const { session } = attachment;
  const beatMs = session.timeoutMs / BEATS_PER_TIMEOUT;
  let cancel = clock.after(beatMs, beat);

  function beat(): void {
    const silentMs = session.silentMs;
    attachment.link.giveUpOverdue(session.leaseDurationMs);
    // Half a beat of tolerance: a session busy with writes of its own needs no probe.
    if (session.isLinked && silentMs > beatMs / 2) void askForLife();
    cancel = clock.after(silentMs > beatMs / 2 ? beatMs : beatMs - silentMs, beat);
  }

  async function askForLife(): Promise<void> {
    const { link } = attachment;
    const reply = await (session.inUse
      ? probe(link, probePath)
      : link.request((calls, done) => calls.a_sync(probePath, (code) => done(code, null))));
    const isHeard = session.inUse ? provesQuorum : isServerAnswer;
    if (isHeard(reply.code)) session.heard(reply.sentAt);
  }

  return () => cancel();
}
