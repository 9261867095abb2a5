import { expect, test } from "@jest/globals";
import { instantOf } from "../../../src/common/clock.js";
import { LockError } from "../../../src/errors.js";
import { Session } from "../../../src/engine/session.js";
import { VirtualClock } from "../../../src/testing/index.js";
import { TicketGuard } from "../../../src/hold/ticket-guard.js";
import { ConnectionLossError, type QueuePort, type TicketContent } from "../../../src/engine/queue-port.js";

const SESSION_MS = 6_000;
const PATH = "/locks/guarded/id-lock-0000000001";

/** A port on which a ticket stands or does not; each look may be refused. */
function setUp() {
  const clock = new VirtualClock();
  const session = new Session("51", SESSION_MS, clock, instantOf(clock));
  const ticket: { content: TicketContent | null; onEvent: () => void; looks: number; refusal: unknown } = {
    content: { data: Buffer.from("{}"), owner: session.id, createdAt: new Date(), version: "untouched" },
    onEvent: () => undefined,
    looks: 0,
    refusal: null,
  };
  const answer = async (): Promise<TicketContent | null> => {
    ticket.looks += 1;
    await Promise.resolve();
    if (ticket.refusal !== null) throw ticket.refusal as Error;
    return ticket.content;
  };
  const port = {
    session,
    read: answer,
    watch: async (_path: string, onEvent: () => void) => {
      const content = await answer();
      ticket.onEvent = onEvent;
      return { content, forget: () => (ticket.onEvent = () => undefined) };
    },
    confirm: () => Promise.resolve(ticket.content !== null),
  } as unknown as QueuePort;
  const told: string[] = [];
  const guard = new TicketGuard(port, PATH, clock, {
    gone: () => told.push("gone"),
    releaseRequested: () => told.push("requested"),
  });
  return { clock, session, ticket, guard, told };
}

test("looks again after an unknown outcome on a connection that stays up", async () => {
  const { clock, ticket, guard, told } = setUp();
  ticket.refusal = new ConnectionLossError("The reply is overdue.");
  guard.start();
  await clock.advance(500);
  expect(ticket.looks).toBeGreaterThan(1);
  ticket.refusal = null;
  await clock.advance(100);
  const { looks } = ticket;
  ticket.content = null;
  ticket.onEvent();
  await clock.advance(1);
  expect(told).toEqual(["gone"]);
  expect(ticket.looks).toBe(looks + 1);
});

test("where no look is answered, asks the quorum whether the ticket is there, three times in a session timeout", async () => {
  const { clock, session, ticket, guard, told } = setUp();
  ticket.refusal = new LockError("Refused.");
  guard.start();
  for (let beat = 0; beat < 20; beat += 1) {
    await clock.advance(SESSION_MS / 6);
    session.heard(instantOf(clock));
  }
  // Each time by a watch, and then without one.
  expect(ticket.looks).toBeLessThanOrEqual(2 * 11);
  expect(told).toEqual([]);
  ticket.content = null;
  await clock.advance(SESSION_MS / 3 + 1);
  expect(told).toEqual(["gone"]);
});

test("looks again after each reconnect, and not while out of touch", async () => {
  const { clock, session, ticket, guard, told } = setUp();
  guard.start();
  await clock.advance(1);
  for (let cut = 1; cut <= 3; cut += 1) {
    session.linkDown();
    ticket.refusal = new ConnectionLossError("Out of touch.");
    await clock.advance(100);
    ticket.refusal = null;
    session.linkUp();
    await clock.advance(1);
    expect(ticket.looks).toBe(1 + cut);
  }
  session.linkDown();
  ticket.content = null;
  session.linkUp();
  await clock.advance(1);
  expect(told).toEqual(["gone"]);
});

test("tells of each thing once, and of nothing after it was stopped; it leaves neither timer nor listener", async () => {
  const { clock, session, ticket, guard, told } = setUp();
  guard.start();
  guard.start();
  await clock.advance(1);
  expect(session.listenerCount("connected")).toBe(1);
  ticket.content = { ...ticket.content!, data: Buffer.from('{"releaseRequestedAt":1}') };
  for (let write = 0; write < 3; write += 1) {
    ticket.onEvent();
    await clock.advance(1);
  }
  expect(told).toEqual(["requested"]);
  guard.stop();
  ticket.content = null;
  ticket.onEvent();
  session.linkDown();
  session.linkUp();
  await clock.advance(SESSION_MS);
  expect(told).toEqual(["requested"]);
  expect(session.listenerCount("connected")).toBe(0);
});
