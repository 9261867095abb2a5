import { beforeEach, describe, expect, test } from "@jest/globals";
import { instantOf } from "../../../src/common/clock.js";
import { mutex } from "../../../src/queue/discipline.js";
import { AccessDeniedError, LockError } from "../../../src/errors.js";
import { OwnTicket } from "../../../src/queue/own-ticket.js";
import { Session } from "../../../src/engine/session.js";
import type { Ticket } from "../../../src/engine/ticket.js";
import type { QueueOptions } from "../../../src/queue/queue-options.js";
import { Withdrawals } from "../../../src/queue/withdrawals.js";
import { ConnectionLossError, type QueuePort } from "../../../src/engine/queue-port.js";
import { HandDrivenClock } from "../../helpers/hand-driven-clock.js";

/** A port that gives a ticket to all who enter. */
const entering: QueuePort["enter"] = (queue, { id }, onTaken) => {
  const ticket = ticketOf(queue, id);
  onTaken(ticket.ref);
  return Promise.resolve({ tickets: [ticket] });
};

function ticketOf(queue: string, id: string): Ticket {
  return { ref: `${queue}/${id}`, id, order: 0, kind: "mutex", demand: "exclusive", token: 1, isPastEnd: false };
}

/** A ticket for a directory that is gone again `timesGone` times: no server does that on demand. */
function ticketFor(timesGone: number): { ticket: OwnTicket; pauses: () => number } {
  const clock = new HandDrivenClock();
  let [left, pauses] = [timesGone, 0];
  const port: Partial<QueuePort> = {
    session: new Session("1", 6_000, clock, instantOf(clock)),
    reserve: () => () => undefined,
    enter: (queue, entry, onTaken) => ((left -= 1) >= 0 ? Promise.resolve(null) : entering(queue, entry, onTaken)),
  };
  const pause = (): Promise<void> => {
    pauses += 1;
    return Promise.resolve();
  };
  const options: Partial<QueueOptions> = { directory: "/locks/a", data: Buffer.alloc(0), discipline: mutex, pause };
  return { ticket: new OwnTicket(port as QueuePort, options as QueueOptions), pauses: () => pauses };
}

test("a directory that is gone again 50 times is taken the next time, with a rest after each try", async () => {
  const { ticket, pauses } = ticketFor(50);
  expect((await ticket.take()).tickets).toHaveLength(1);
  expect(pauses()).toBe(50);
});

test("one that is gone again for ever is a LockError that names it", async () => {
  const { ticket } = ticketFor(Infinity);
  await expect(ticket.take()).rejects.toThrow(/\/locks\/a is gone again/);
});

describe("a server that refuses", () => {
  const DENIED = new AccessDeniedError("no rights");
  let clock: HandDrivenClock;
  let session: Session;
  let complaints: unknown[];
  let withdrawals: Withdrawals;
  beforeEach(() => {
    clock = new HandDrivenClock();
    session = new Session("1", 3_600_000, clock, instantOf(clock));
    complaints = [];
    withdrawals = new Withdrawals();
  });

  function ticketOn(port: Partial<QueuePort>): OwnTicket {
    const taking: Partial<QueuePort> = {
      session,
      reserve: (queue) => session.use(queue),
      enter: entering,
      endSession: () => null,
    };
    const options: Partial<QueueOptions> = {
      directory: "/locks/a",
      data: Buffer.alloc(0),
      discipline: mutex,
      clock,
      withdrawals,
      pause: () => Promise.resolve(),
      onStuck: (error) => complaints.push(error),
    };
    return new OwnTicket({ ...taking, ...port } as QueuePort, options as QueueOptions);
  }

  /** Lets time go by in small steps, with all promises settled in between. */
  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 10) {
      clock.pass(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  test.each([
    ["for want of rights, in somebody else's session", DENIED],
    ["for another reason", new LockError("throttled")],
  ])("to delete %s: told once, tried again ever more seldom, every 5 s in the end", async (_, refusal) => {
    const triedAt: number[] = [];
    const startedAt = clock.monotonicMs();
    let isAllowed = false;
    const ticket = ticketOn({
      leave: () => {
        triedAt.push(clock.monotonicMs() - startedAt);
        return isAllowed ? Promise.resolve() : Promise.reject(refusal);
      },
    });
    await ticket.take();
    await ticket.withdraw();
    await pass(18_000);
    expect(triedAt).toEqual([0, 50, 150, 350, 750, 1_550, 3_150, 6_350, 11_350, 16_350]);
    expect(complaints).toEqual([refusal]);
    expect(session.inUse).toBe(true);
    isAllowed = true;
    await pass(5_000);
    expect([triedAt.length, session.inUse, clock.timers]).toEqual([11, false, 1]);
  });

  test("to delete several tickets of a directory: told once, until all of them are gone", async () => {
    let isAllowed = false;
    const leave = (): Promise<void> => (isAllowed ? Promise.resolve() : Promise.reject(DENIED));
    const withdraw = async (): Promise<void> => {
      const ticket = ticketOn({ leave });
      await ticket.take();
      await ticket.withdraw();
    };
    await Promise.all([withdraw(), withdraw(), withdraw()]);
    await pass(1_000);
    expect(complaints).toHaveLength(1);
    isAllowed = true;
    await pass(5_000);
    expect(session.inUse).toBe(false);
    isAllowed = false;
    await withdraw();
    expect(complaints).toHaveLength(2);
  });

  test("to delete in a session of ours: the session is ended, and nobody tries again", async () => {
    const reasons: Error[] = [];
    let tries = 0;
    const ticket = ticketOn({
      leave: () => ((tries += 1), Promise.reject(DENIED)),
      endSession: (reason) => {
        reasons.push(reason);
        session.end();
        return Promise.resolve();
      },
    });
    await ticket.take();
    await ticket.withdraw();
    await pass(1_000);
    expect([tries, complaints, session.inUse, clock.timers]).toEqual([1, [], false, 0]);
    expect(reasons).toEqual([expect.any(AccessDeniedError)]);
    expect(reasons[0]!.cause).toBe(DENIED);
  });

  test("to list the queue after the reply to the create was lost: the ticket is looked for until it is found and deleted", async () => {
    const left: unknown[] = [];
    let mayList = false;
    const ticket = ticketOn({
      enter: () => Promise.reject(new ConnectionLossError("lost")),
      resume: () => Promise.reject(DENIED),
      leave: (_queue, _id, ref) => (mayList ? (left.push(ref), Promise.resolve()) : Promise.reject(DENIED)),
    });
    await expect(ticket.take()).rejects.toBe(DENIED);
    await ticket.withdraw();
    await pass(1_000);
    expect([left, session.inUse]).toEqual([[], true]);
    mayList = true;
    await pass(5_000);
    expect([left, session.inUse]).toEqual([[null], false]);
  });

  test("to list the queue that the ticket has just entered: the caller hears of it when the ticket is gone", async () => {
    const left: unknown[] = [];
    const ticket = ticketOn({
      enter: (_queue, _entry, onTaken) => {
        onTaken("taken");
        return Promise.reject(DENIED);
      },
      leave: (_queue, _id, ref) => (left.push(ref), Promise.resolve()),
    });
    await expect(ticket.take()).rejects.toBe(DENIED);
    expect([left, session.inUse]).toEqual([["taken"], false]);
  });

  test("and a session that ends meanwhile: the ticket goes with it, and nothing is left", async () => {
    const ticket = ticketOn({ leave: () => Promise.reject(DENIED) });
    await ticket.take();
    await ticket.withdraw();
    await pass(1_000);
    session.end();
    await pass(10);
    expect([session.inUse, clock.timers]).toEqual([false, 0]);
  });
});
