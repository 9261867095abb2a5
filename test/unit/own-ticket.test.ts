import { expect, test } from "@jest/globals";
import { instantOf } from "../../src/clock.js";
import { mutex } from "../../src/discipline.js";
import { OwnTicket } from "../../src/own-ticket.js";
import { Session } from "../../src/session.js";
import type { QueueOptions } from "../../src/ticket-queue.js";
import type { QueuePort } from "../../src/zookeeper/port.js";
import { HandDrivenClock } from "./hand-driven-clock.js";

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
