import { beforeEach, describe, expect, test } from "@jest/globals";
import { instantOf } from "../../../src/common/clock.js";
import { mutex } from "../../../src/queue/discipline.js";
import { AccessDeniedError, LockError } from "../../../src/errors.js";
import { OwnTicket } from "../../../src/queue/own-ticket.js";
import { Session } from "../../../src/engine/session.js";
import type { QueueOptions } from "../../../src/queue/queue-options.js";
import { Withdrawals } from "../../../src/queue/withdrawals.js";
import { ConnectionLossError, type QueuePort } from "../../../src/engine/queue-port.js";
import { HandDrivenClock } from "../../helpers/hand-driven-clock.js";

/** A ticket for a directory that is gone again `timesGone` times: no server does that on demand. */
function ticketFor(timesGone: number): { ticket: OwnTicket; pauses: () => number } {
  const clock = new HandDrivenClock();
  let [left, pauses] = [timesGone, 0];
  const port: Partial<QueuePort> = {
    session: new Session("1", 6_000, clock, instantOf(clock)),
    takeTicket: (_directory, prefix, _data, onTaken) => {
      if ((left -= 1) >= 0) return Promise.resolve(null);
      const name = `${prefix}0000000000`;
      onTaken(name);
      return Promise.resolve({ czxid: 1, children: [name] });
    },
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
  expect((await ticket.take()).children).toHaveLength(1);
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
      takeTicket: (_directory, prefix, _data, onTaken) => {
        const name = `${prefix}0000000000`;
        onTaken(name);
        return Promise.resolve({ czxid: 1, children: [name] });
      },
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
      remove: () => {
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
    const remove = (): Promise<void> => (isAllowed ? Promise.resolve() : Promise.reject(DENIED));
    const leave = async (): Promise<void> => {
      const ticket = ticketOn({ remove });
      await ticket.take();
      await ticket.withdraw();
    };
    await Promise.all([leave(), leave(), leave()]);
    await pass(1_000);
    expect(complaints).toHaveLength(1);
    isAllowed = true;
    await pass(5_000);
    expect(session.inUse).toBe(false);
    isAllowed = false;
    await leave();
    expect(complaints).toHaveLength(2);
  });

  test("to delete in a session of ours: the session is ended, and nobody tries again", async () => {
    const reasons: Error[] = [];
    let tries = 0;
    const ticket = ticketOn({
      remove: () => ((tries += 1), Promise.reject(DENIED)),
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
    const removed: string[] = [];
    let mayList = false;
    let name = "";
    const ticket = ticketOn({
      takeTicket: (_directory, prefix) => {
        name = `${prefix}0000000007`;
        return Promise.reject(new ConnectionLossError("lost"));
      },
      confirm: () => Promise.resolve(true),
      list: () => (mayList ? Promise.resolve({ czxid: 1, children: [name] }) : Promise.reject(DENIED)),
      read: () => Promise.resolve({ data: Buffer.alloc(0), owner: "1", createdAt: new Date(0), version: 0 }),
      remove: (path) => (removed.push(path), Promise.resolve()),
    });
    await expect(ticket.take()).rejects.toBe(DENIED);
    await ticket.withdraw();
    await pass(1_000);
    expect([removed, session.inUse]).toEqual([[], true]);
    mayList = true;
    await pass(5_000);
    expect([removed, session.inUse]).toEqual([[`/locks/a/${name}`], false]);
  });

  test("to list the queue that the ticket has just entered: the caller hears of it when the ticket is gone", async () => {
    const removed: string[] = [];
    const ticket = ticketOn({
      takeTicket: (_directory, prefix, _data, onTaken) => {
        onTaken(`${prefix}0000000007`);
        return Promise.reject(DENIED);
      },
      remove: (path) => (removed.push(path), Promise.resolve()),
    });
    await expect(ticket.take()).rejects.toBe(DENIED);
    expect([removed.length, session.inUse]).toEqual([1, false]);
  });

  test("and a session that ends meanwhile: the ticket goes with it, and nothing is left", async () => {
    const ticket = ticketOn({ remove: () => Promise.reject(DENIED) });
    await ticket.take();
    await ticket.withdraw();
    await pass(1_000);
    session.end();
    await pass(10);
    expect([session.inUse, clock.timers]).toEqual([false, 0]);
  });
});
